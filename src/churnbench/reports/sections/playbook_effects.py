"""What playbooks do: churn since one began, and what accounts say for which a coin decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from churnbench.reports.blocks import Block, Cell, Prose, Table, number_column, text_column
from churnbench.reports.charts.dots import interval_bar
from churnbench.reports.charts.kit import padded
from churnbench.reports.lens import band_look
from churnbench.reports.reading import Estimate, at, estimate, interval, number, records, words
from churnbench.reports.wording import clean, fixed, percent, signed, span, whole

DROPS_HOW = (
    "Observed over expected churn since the playbook began, over the same before it. Beyond the cut-off: the groups by "
    "score that are treated most; elsewhere: those that are hardly treated. A fall beyond the cut-off alone looks like "
    "a playbook that works."
)
COINS_HOW = (
    "Coins followed by churn, of all coins per arm, whether or not what the coin said was carried out; an account may "
    "have one in several periods. Rates count each coin with one over the probability of its arm; 90 % intervals by "
    "account. Negative: fewer churned among the "
    "treated; the line is no effect. Saves are never counted from risk alone."
)


def drop_blocks(found: Mapping[str, Any]) -> list[Block]:
    """Observed over expected churn since each playbook began; nothing without playbooks."""
    rows = records(found, "drops")
    if not rows:
        return []
    columns = [text_column("playbook"), text_column("began"), number_column("beyond the cut-off")]
    columns += [number_column("elsewhere"), text_column("finding")]
    cells = [
        [
            Cell(clean(words(row, "kind"), 60)),
            Cell(clean(words(row, "began"), 10)),
            figure_cell(estimate(row, "beyond")),
            figure_cell(estimate(row, "other")),
            _drop(row),
        ]
        for row in rows
    ]
    marked = [place for place, row in enumerate(rows) if at(row, "found") is True]
    notes = [Prose(clean(words(row, "obstacle"), 400), "note") for row in rows if words(row, "obstacle")]
    return [Table("Churn since a playbook began", columns, cells, DROPS_HOW, marked), *notes]


def _drop(row: Mapping[str, Any]) -> Cell:
    if words(row, "obstacle"):
        return Cell("cannot be told")
    return Cell("churn fell beyond the cut-off only" if at(row, "found") is True else "no such fall")


def coin_blocks(found: Mapping[str, Any]) -> list[Block]:
    """Effects of randomised playbooks, over all and by band; or why there are none."""
    title = "What the coins say"
    effects = records(found, "randomised", "effects")
    if not effects:
        return [
            Prose(clean(words(found, "randomised", "sentence"), 400) or "No coin decided.", "note", lead=f"{title}.")
        ]
    rows = [line for effect in effects for line in _lines(effect)]
    known = [estimate(effect, "risk_difference") for _, _, effect in rows]
    limits = limits_of(known, 0.0)
    columns = [text_column("playbook"), text_column("band"), number_column("held out"), number_column("treated")]
    columns += [number_column("difference, points"), text_column("90 % interval"), text_column("finding")]
    cells = [
        [*start, *_effect(effect, gap, limits), _told(row)]
        for (start, row, effect), gap in zip(rows, known, strict=True)
    ]
    return [Table(title, columns, cells, COINS_HOW)]


def _lines(effect: Mapping[str, Any]) -> list[tuple[list[Cell], Mapping[str, Any], Any]]:
    """The whole playbook, then its bands: first cells, entry, effect (None where a band has too few)."""
    kind = Cell(clean(words(effect, "kind"), 60))
    lines: list[tuple[list[Cell], Mapping[str, Any], Any]] = [([kind, Cell("all"), *_arms(effect)], effect, effect)]
    for row in records(effect, "bands"):
        band = clean(words(row, "band"), 30)
        start = [Cell(), Cell(band, look=f"band {band_look(band)}"), *_arms(row)]
        lines.append((start, row, at(row, "effect")))
    return lines


def _arms(row: Mapping[str, Any]) -> list[Cell]:
    """Coins followed by churn of all coins per arm, with their rate where an effect was computed."""
    effect, cells = row.get("effect", row), []
    for arm in ("held", "treated"):
        rate = estimate(effect, arm).value
        counts = f"{whole(number(row, f'{arm}_churned_coins'))} of {whole(number(row, f'{arm}_coins'))}"
        cells.append(Cell(counts, note="" if rate is None else percent(rate)))
    return cells


def _effect(effect: Any, gap: Estimate, limits: tuple[float, float]) -> list[Cell]:
    if gap.value is None:
        return [Cell("n/a"), Cell()]
    reach = interval(effect, "risk_difference", "ci90")
    scaled = None if reach is None else (100 * reach[0], 100 * reach[1])
    bar = interval_bar(gap.value, gap.bounds, limits, "cand", 0.0)
    return [Cell(signed(100 * gap.value, 1)), Cell(svg=bar, note=span(scaled, 1))]


def _told(row: Mapping[str, Any]) -> Cell:
    more = number(row, "more_accounts")
    if more is not None:
        return Cell(f"about {whole(more)} more randomised accounts")
    established = at(row.get("effect", row), "established")
    return Cell("it saves accounts" if established is True else "not shown to save accounts")


def limits_of(estimates: Iterable[Estimate], *further: float) -> tuple[float, float]:
    """Scale that holds estimates, their intervals and further values."""
    return padded([*further, *(v for one in estimates for v in (one.value, one.low, one.high) if v is not None)])


def figure_cell(found: Estimate) -> Cell:
    """A figure with two decimals, its interval below."""
    return Cell(fixed(found.value, 2), note=span(found, 2))
