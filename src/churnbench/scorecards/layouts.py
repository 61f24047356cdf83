"""Layouts: the words of a scorecard file, and the limits within which one is written."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from churnbench.data.hints import did_you_mean
from churnbench.domain.errors import InputError

#: Names of the layouts.
LAYOUTS: tuple[str, ...] = ("gainsight", "totango", "churnzero")


@dataclass(frozen=True)
class Layout:
    """A layout.

    Attributes:
        name: one of `LAYOUTS`.
        label: how a page names it.
        group, measure: words for the two levels.
        weights: "within_group" or "overall": what a measure's weight is a share of, when a scorecard is written.
        decimals: of weights in per cent, when a scorecard is written.
        bands: bands per measure, when a scorecard is written.
    """

    name: str
    label: str
    group: str
    measure: str
    weights: str
    decimals: int
    bands: int

    def words(self, text: str) -> str:
        """A key of a file in churnbench's own words ("dimensions" in one layout is "groups" in another)."""
        for own, word in (("group", self.group), ("measure", self.measure)):
            if text in (word, f"{word}s"):
                return own if text == word else f"{own}s"
        return text


@cache
def _layouts() -> Mapping[str, Layout]:
    text = resources.files("churnbench.data").joinpath("scorecard_layouts.toml").read_text("utf-8")
    return {name: Layout(name=name, **row) for name, row in tomllib.loads(text).items()}


def layout_of(name: str) -> Layout:
    """A layout by its name.

    Raises:
        InputError: there is none.
    """
    found = _layouts().get(name)
    if found is None:
        raise InputError(
            f"'{name}' is not a layout; those are {', '.join(LAYOUTS)}.",
            column="--style",
            fix=did_you_mean(name, LAYOUTS) or "Choose the one whose words are nearest to yours.",
        )
    return found
