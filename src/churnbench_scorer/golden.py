"""Golden vectors: inputs with the exact result, replayed at every load."""

from __future__ import annotations

from .errors import ConfigRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .result import Score
    from .scorer import Scorer

_WORDS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def decode(vector: Mapping[str, Any], kinds: Mapping[str, str]) -> dict[str, Any]:
    """Inputs of a golden vector as Python values.

    JSON has no NaN: for an input that is not a category, the texts "NaN", "Infinity" and "-Infinity" stand
    for those doubles. Text of a category input is taken as it is.

    Example:
        >>> decode({"x": "-Infinity", "plan": "NaN"}, {"x": "number", "plan": "category"})
        {'x': -inf, 'plan': 'NaN'}
    """
    return {
        name: _WORDS[value] if isinstance(value, str) and value in _WORDS and kinds.get(name) != "category" else value
        for name, value in vector.items()
    }


def outcome(score: Score) -> dict[str, Any]:
    """What a golden vector records of a score."""
    return {
        "score": score.health_score_x100,
        "reading": score.reading_band,
        "band": score.band,
        "coverage": score.coverage_bp,
        "raw": score.raw_score_x100,
        "churn_probability": score.churn_probability,
    }


def replay(scorer: Scorer, golden: list[dict[str, Any]]) -> None:
    """Score every vector and compare without tolerance.

    Raises:
        ConfigRefused: for the first vector that does not reproduce or cannot be scored.
    """
    for position, vector in enumerate(golden):
        where = f"golden[{position}]"
        try:
            found = outcome(scorer.score(decode(vector["in"], scorer.inputs)))
        except ValueError as error:
            raise ConfigRefused(where, str(error), "inputs that the config declares", _FIX) from error
        for name, wanted in vector["out"].items():
            if found[name] != wanted:
                raise ConfigRefused(where, f"{name} {found[name]!r}", repr(wanted), _FIX)


_FIX = "Do not score with it: this reader and the writer of the config disagree."


def everything(score: Score) -> dict[str, Any]:
    """All that a consumer of any language can be held to, in the words of golden vectors and conformance kits.

    Returns:
        What `outcome` gives and `total`, `dimensions` (id -> hundredths or None), `contributions` (`[metric, gained,
        lost]`, empty without a score), `caps` and `stale` (ids, in order).
    """
    return {
        **outcome(score),
        "total": score.total_score_x100,
        "dimensions": score.dimension_scores_x100,
        "contributions": [list(entry) for entry in score.contributions],
        "caps": list(score.caps),
        "stale": list(score.stale),
    }
