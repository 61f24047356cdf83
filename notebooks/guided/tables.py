"""Tables and sentences in one look: figures at the right, text at the left, a dash for what is missing."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import pandas as pd

from churnbench.domain.rich_display import Column, table


class Shown:
    """A frame that shows itself like the other panels; names of accounts cannot become markup.

    Args:
        frame: at most some forty rows; the index becomes the first columns.
        decimals: decimals by column; 0 for whole numbers and 2 for others by default.
        caption: what the figures are.
    """

    def __init__(self, frame: pd.DataFrame, decimals: Mapping[str, int] | None = None, caption: str = "") -> None:
        self.frame = frame.reset_index(names=_index_names(frame))
        self.decimals, self.caption = dict(decimals or {}), caption

    def __repr__(self) -> str:
        return self.frame.to_string(index=False)

    def _repr_html_(self) -> str:
        numeric = {name: pd.api.types.is_numeric_dtype(self.frame[name]) for name in self.frame}
        columns = [Column(str(name), numeric=numeric[name]) for name in self.frame]
        texts = {name: [self._text(name, value) for value in self.frame[name]] for name in self.frame}
        return table(columns, list(zip(*texts.values(), strict=True)), self.caption)

    def _text(self, name: str, value: object) -> str | None:
        if pd.isna(value):
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return str(value)
        numbers = pd.to_numeric(self.frame[name], errors="coerce").dropna()
        return f"{value:,.{self.decimals.get(name, 0 if (numbers % 1 == 0).all() else 2)}f}".replace("-", "−")


def _index_names(frame: pd.DataFrame) -> list[str]:
    return [str(name) if name is not None else "" for name in frame.index.names]


def say(*sentences: object) -> None:
    """Print sentences, each on lines of its own that are not cut inside a word."""
    for sentence in sentences:
        print(textwrap.fill(str(sentence), 90, subsequent_indent="   ", replace_whitespace=False))
