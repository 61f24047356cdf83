"""What the bands of a config mean: trouble, attention or health. One reading for reports, movements and colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

Role = Literal["red", "yellow", "green"]
#: Names of bands that say by themselves what they mean: of three bands and of five states.
NAMED: Mapping[str, Role] = {
    "red": "red",
    "critical": "red",
    "at-risk": "red",
    "yellow": "yellow",
    "neutral": "yellow",
    "green": "green",
    "healthy": "green",
    "thriving": "green",
}
#: What a team does with accounts of a band, where a formula says so under `[formula.motions]`.
_BY_MOTION: Mapping[str, Role] = {
    "escalate": "red",
    "intervene": "red",
    "engage": "yellow",
    "monitor": "green",
    "expand": "green",
}
_ORDER: Mapping[Role, int] = {"red": 0, "yellow": 1, "green": 2}


def band_roles(bands: Iterable[str], motions: Mapping[str, str] | None = None) -> dict[str, Role]:
    """Role of each band.

    A band's motion decides, else its name. Where one band has neither, or they do not rise from red to green, place
    decides: the lowest band is red, the highest green, any between yellow.

    Args:
        bands: names, lowest band first.
        motions: band -> what a team does with it.

    Returns:
        Name -> role, in the order of the bands; roles never fall from one band to the next.

    >>> band_roles(["critical", "at-risk", "neutral", "healthy", "thriving"])["at-risk"]
    'red'
    >>> band_roles(["poor", "fair", "good", "best"])
    {'poor': 'red', 'fair': 'yellow', 'good': 'yellow', 'best': 'green'}
    >>> band_roles(["poor", "fair", "good"], {"poor": "escalate", "fair": "intervene", "good": "expand"})
    {'poor': 'red', 'fair': 'red', 'good': 'green'}
    """
    names = [str(name) for name in bands]
    said = [_BY_MOTION.get((motions or {}).get(name, "").lower()) or NAMED.get(name.strip().lower()) for name in names]
    found = [role for role in said if role is not None]
    places = [_ORDER[role] for role in found]
    if len(found) == len(names) and places == sorted(places) and "red" in found:
        return dict(zip(names, found, strict=True))
    middle: list[Role] = ["yellow"] * (len(names) - 2)
    return dict(zip(names, ("red", *middle, "green"), strict=False))


def roles_of(document: Mapping[str, Any]) -> dict[str, Role]:
    """Role of each band of a config document, by the motions that it carries."""
    motions = (document.get("extra") or {}).get("motions")  # free notes, so they may be anything
    said = {str(band): str(motion) for band, motion in motions.items()} if isinstance(motions, Mapping) else {}
    return band_roles((band for band, _ in document["body"]["bands"]), said)
