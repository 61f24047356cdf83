"""Reads, checks and applies a churnbench weight config with the standard library alone.

Example:
    >>> import churnbench_scorer
    >>> scorer = churnbench_scorer.load("models/core-2.1.0.json")     # doctest: +SKIP
    >>> scorer.score({"logins_30d": 4, "nps": None}).band             # doctest: +SKIP
    'yellow'
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .errors import ConfigRefused, InputRefused
    from .jcs import body_sha256, canonical, document_sha256
    from .loading import FORMAT, SPEC_VERSION, load
    from .result import Score
    from .rules import INSUFFICIENT
    from .scorer import Scorer

__all__ = [
    "FORMAT",
    "INSUFFICIENT",
    "SPEC_VERSION",
    "ConfigRefused",
    "InputRefused",
    "Score",
    "Scorer",
    "body_sha256",
    "canonical",
    "document_sha256",
    "load",
]

# Loaded on first use: whoever imports this package in a service pays nothing until a config is read.
_HOMES = {
    "FORMAT": "loading",
    "INSUFFICIENT": "rules",
    "SPEC_VERSION": "loading",
    "ConfigRefused": "errors",
    "InputRefused": "errors",
    "Score": "result",
    "Scorer": "scorer",
    "body_sha256": "jcs",
    "canonical": "jcs",
    "document_sha256": "jcs",
    "load": "loading",
}


def __getattr__(name: str) -> object:
    """Find a public name in its module, once."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
