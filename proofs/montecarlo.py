"""Shares over replicates with their Monte-Carlo error, and running replicates on several cores."""

from __future__ import annotations

import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Share:
    """A share of replicates, 0-1, with its Monte-Carlo standard error sqrt(p (1 - p) / n).

    >>> share = Share.of([True, True, False, True])
    >>> share.value, round(share.error, 4), share.replicates
    (0.75, 0.2165, 4)
    """

    value: float
    error: float
    replicates: int

    @classmethod
    def of(cls, hits: Iterable[bool]) -> Share:
        """Share of hits; NaN without replicates."""
        found = [bool(hit) for hit in hits]
        if not found:
            return cls(float("nan"), float("nan"), 0)
        value = sum(found) / len(found)
        return cls(value, math.sqrt(value * (1 - value) / len(found)), len(found))

    def at_most(self, limit: float) -> bool:
        """Whether the share is at most `limit`, two Monte-Carlo errors of the limit itself allowed."""
        return self.value <= limit + 2 * math.sqrt(limit * (1 - limit) / max(self.replicates, 1))

    def within(self, low: float, high: float) -> bool:
        """Whether the share lies between two limits; nothing is allowed for Monte-Carlo error."""
        return low <= self.value <= high

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.error:.3f}"


@dataclass(frozen=True)
class Average:
    """A mean over replicates with its Monte-Carlo standard error."""

    value: float
    error: float
    replicates: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Average:
        """Mean of the finite values; NaN without any.

        >>> Average.of([1.0, 3.0]).value, Average.of([1.0, 3.0]).error
        (2.0, 1.0)
        """
        found = [float(value) for value in values if math.isfinite(value)]
        if not found:
            return cls(float("nan"), float("nan"), 0)
        mean = sum(found) / len(found)
        if len(found) == 1:
            return cls(mean, float("nan"), 1)
        variance = sum((value - mean) ** 2 for value in found) / (len(found) - 1)
        return cls(mean, math.sqrt(variance / len(found)), len(found))

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.error:.3f}"


_WORK: Callable[[Any], Any] | None = None


def _call(item: Any) -> Any:
    assert _WORK is not None  # noqa: S101 - set before the processes are forked
    return _WORK(item)


def _alone(work: Callable[[Any], Any]) -> None:
    """Settle a forked process and give it its work, which a fork inherits: arguments would be copied for every item.

    One thread, since two processes of two threads on two cores crawl; and no tracer inherited from a test run, which
    would double the time.
    """
    global _WORK  # noqa: PLW0603 - one per process; the parent's stays untouched, so that calls may be nested
    _WORK = work
    threadpool_limits(1)
    sys.settrace(None)


def replicate(
    work: Callable[[Item], Result], items: Iterable[Item], *, jobs: int, label: str, quiet: bool = False
) -> Iterator[Result]:
    """Run `work` for every item, in order, and say how long it will take.

    Args:
        work: a function of one item; big shared inputs are bound to it beforehand and inherited by the processes.
        items: usually seeds.
        jobs: processes; 1 runs in this one.
        label: what the progress line says.
        quiet: no progress line.
    """
    todo = list(items)
    begun = time.perf_counter()

    def told(done: int) -> None:
        if quiet or not (done % max(1, len(todo) // 20) == 0 or done == len(todo)):
            return
        spent = time.perf_counter() - begun
        sys.stderr.write(
            f"  {label}: {done} of {len(todo)}, {spent:.0f} s, about {spent / done * (len(todo) - done):.0f} s left\n"
        )
        sys.stderr.flush()

    if jobs == 1:
        for done, item in enumerate(todo, 1):
            yield work(item)
            told(done)
        return
    with multiprocessing.get_context("fork").Pool(jobs, initializer=_alone, initargs=(work,)) as pool:
        for done, result in enumerate(pool.imap(_call, todo), 1):
            yield result
            told(done)
