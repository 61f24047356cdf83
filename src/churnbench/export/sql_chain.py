"""The chain of relations that a query is made of: each adds columns to the one before and drops what nobody needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from churnbench.export.sql_dialects import Dialect

_WORD = re.compile(r"[a-z_]+[0-9]*")


@dataclass(frozen=True)
class _Step:
    """A relation: its name, columns kept from the one before, columns added, and where it reads from."""

    name: str
    kept: tuple[str, ...]
    added: Mapping[str, str]
    source: str
    fenced: bool


class Chain:
    """Collects relations, then writes them as one WITH clause.

    Column names are lower-case words of our own and are not quoted; relation names begin with the prefix.
    """

    def __init__(self, dialect: Dialect, prefix: str) -> None:
        self._dialect, self._prefix = dialect, prefix
        self._steps: list[_Step] = []

    @property
    def last(self) -> str:
        """Name of the relation added last."""
        return self._steps[-1].name

    def read(self, name: str, columns: Mapping[str, str], source: str) -> None:
        """Add the first relation, which reads a table."""
        self._steps.append(_Step(self._prefix + name, (), dict(columns), source, fenced=False))

    def add(self, name: str, columns: Mapping[str, str], *, fenced: bool = False) -> None:
        """Add a relation that has all columns of the last one and these; nothing happens without columns."""
        if columns:
            self._steps.append(_Step(self._prefix + name, (), dict(columns), self.last, fenced=fenced))

    def query(self, outputs: Sequence[str]) -> str:
        """The whole query: a WITH clause and a SELECT of the output expressions."""
        return self._written(self._pruned(outputs), outputs)

    def split(self, outputs: Sequence[str], name: str, table: str) -> tuple[str, str]:
        """Two queries: one ends with the named relation, the other reads that from a table and goes on."""
        steps = self._pruned(outputs)
        place = next(k for k, step in enumerate(steps) if step.name == self._prefix + name)
        border = steps[place]
        columns = (*border.kept, *border.added)
        resumed = _Step(border.name, columns, {}, table, fenced=border.fenced)
        return self._written(steps[: place + 1], columns), self._written([resumed, *steps[place + 1 :]], outputs)

    def _pruned(self, outputs: Sequence[str]) -> list[_Step]:
        """The steps with only those columns that a later one or the outputs mention."""
        known: list[list[str]] = [[]]
        for step in self._steps:
            known.append([*known[-1], *step.added])
        needed = _words(outputs)
        pruned = []
        for step, before in zip(reversed(self._steps), reversed(known[:-1]), strict=True):
            added = {column: text for column, text in step.added.items() if column in needed}
            kept = tuple(column for column in before if column in needed)
            needed = _words(added.values()) | set(kept)
            pruned.append(_Step(step.name, kept, added, step.source, step.fenced))
        return pruned[::-1]

    def _written(self, steps: Sequence[_Step], outputs: Sequence[str]) -> str:
        relations = ",\n".join(self._relation(step) for step in steps)
        return f"WITH {relations}\nSELECT {_listed(outputs)}\nFROM {steps[-1].name}"

    def _relation(self, step: _Step) -> str:
        fence = self._dialect.fence if step.fenced or self._dialect.fence_all else ""
        before = " MATERIALIZED" if fence == "materialized" else ""
        after = "\nOFFSET 0" if fence == "offset" else ""
        columns = [*step.kept, *(f"{text} AS {column}" for column, text in step.added.items())]
        return f"{step.name} AS{before} (\nSELECT {_listed(columns)}\nFROM {step.source}{after})"


def _listed(columns: Sequence[str]) -> str:
    return ",\n  ".join(columns)


def _words(expressions: Iterable[str]) -> set[str]:
    """Every word in the expressions; words inside texts and quoted names only make a column stay needlessly."""
    return {word for expression in expressions for word in _WORD.findall(expression)}
