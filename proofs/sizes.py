"""How much the proofs simulate, and what they must reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: What a 90 % interval must cover.
COVERAGE = (0.865, 0.96)


@dataclass(frozen=True)
class Size:
    """How much is simulated.

    Attributes:
        books: books per proof where shares are measured.
        first: seed of the first book of the coverage proof. The method's constants were chosen looking at books 1 to
            24 (decision 0010), which no form therefore uses.
        some: books where averages do.
        population: books that make up a population.
        sizes: accounts -> books, for the table of small and large data.
        segments: books per contrast between segments.
        leaks: books per planted leak; clean: clean books.
    """

    books: int
    first: int
    some: int
    population: int
    sizes: Mapping[int, int]
    segments: int
    leaks: int
    clean: int


FULL = Size(300, 1001, 100, 60, {100: 60, 300: 60, 1000: 40, 3000: 20, 10000: 10}, 20, 20, 100)
QUICK = Size(40, 501, 20, 8, {300: 10, 1000: 5}, 4, 2, 5)
