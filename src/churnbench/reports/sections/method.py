"""What must not be claimed; data, settings, run identifiers, timings."""

from __future__ import annotations

from churnbench.reports.blocks import Block, Cell, Missing, Section, Table, number_column, text_column
from churnbench.reports.lens import Lens
from churnbench.reports.reading import number, records, table, words
from churnbench.reports.wording import clean, day, fixed, percent, whole


def method_section(lens: Lens) -> Section:
    """Everything needed to find and repeat this review."""
    blocks: list[Block] = [*_caveats(lens), _facts(lens), _excluded(lens), _seconds(lens)]
    total = sum(
        value
        for key in table(lens.evidence, "seconds")
        if key != "model_fits" and (value := number(lens.evidence, "seconds", key))
    )
    finding = f"Computed in {fixed(total, 1)} s." if total else "Identifiers and settings."
    return Section("method", "Caveats, data, settings and run", finding, blocks, short="Method")


def _facts(lens: Lens) -> Block:
    e = lens.evidence
    gap, horizon, settle = (number(e, "label", key) for key in ("gap_days", "horizon_days", "settle_days"))
    window = ""
    if gap is not None and horizon is not None:
        window = f"churn from day {whole(gap + 1)} to day {whole(gap + horizon)} after the snapshot"
        window += "" if settle is None else f"; outcomes settle in {whole(settle)} days"
    first, last = day(words(e, "data", "first_as_of")), day(words(e, "data", "last_as_of"))
    facts = [
        ("project", clean(words(e, "project", "name"), 80)),
        ("accounts", whole(number(e, "data", "accounts"))),
        ("labelled rows", whole(number(e, "data", "rows"))),
        ("churned accounts", whole(number(e, "data", "events"))),
        ("base rate", percent(number(e, "data", "base_rate"))),
        (
            "snapshots",
            f"{whole(number(e, 'data', 'snapshots'))}, {first} to {last}"
            if first and last
            else whole(number(e, "data", "snapshots")),
        ),
        ("outcomes complete up to", day(words(e, "data", "data_through"))),
        ("outcome window", window),
        ("compared with", lens.today_described),
        ("calls a snapshot", whole(number(e, "capacity", "accounts"))),
        ("derivation fixed before the holdout was opened", clean(words(e, "gate", "derive"), 40)),
        ("size tier", clean(words(e, "gate", "tier"), 80)),
        ("holdout looked at, this time included", whole(number(e, "gate", "unlocks"))),
        ("seed", whole(number(e, "project", "seed"))),
        ("churnbench", clean(words(e, "project", "churnbench_version"), 40)),
        ("created", clean(words(e, "project", "created"), 40)),
        ("data fingerprint", clean(words(e, "data", "fingerprint"), 90)),
        ("MLflow run", clean(words(e, "mlflow_run_id"), 60)),
    ]
    known = [(name, value) for name, value in facts if value and value != "n/a"]
    if not known:
        return Missing("Data and settings", lens.why_absent)
    rows = [
        [Cell(name), Cell(value, look="mono" if name in ("data fingerprint", "MLflow run") else "")]
        for name, value in known
    ]
    return Table("What this review rests on", [text_column("what"), text_column("value")], rows)


def _excluded(lens: Lens) -> Block:
    found = table(lens.evidence, "data", "excluded")
    rows = [[Cell(clean(str(key), 60)), Cell(whole(number(found, key)))] for key in found]
    if not rows:
        return Missing("Rows left out", "none were, or the review did not count them")
    return Table("Rows left out, and why", [text_column("reason"), number_column("rows")], rows)


def _seconds(lens: Lens) -> Block:
    found = table(lens.evidence, "seconds")
    rows = [[Cell(clean(str(key).replace("_", " "), 40)), Cell(fixed(number(found, key), 2))] for key in found]
    if not rows:
        return Missing("Timings", lens.why_absent)
    return Table(
        "Timings",
        [text_column("stage"), number_column("seconds")],
        rows,
        "“Model fits” is summed over all fits and lies inside the other stages.",
    )


def _caveats(lens: Lens) -> list[Block]:
    rows = records(lens.evidence, "caveats")
    if not rows:
        return []
    cells = [[Cell(clean(words(row, "target"), 80)), Cell(clean(words(row, "sentence"), 600))] for row in rows]
    return [
        Table(
            "Targets that mislead, and what to read instead",
            [text_column("target"), text_column("why, and what instead")],
            cells,
        )
    ]
