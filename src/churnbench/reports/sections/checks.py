"""What was checked, and what a person should look at."""

from __future__ import annotations

from churnbench.reports.blocks import Block, Cell, Missing, Prose, Section, Table, text_column
from churnbench.reports.lens import Lens
from churnbench.reports.reading import records, texts, words
from churnbench.reports.wording import clean

STATES = {"ok": "ok", "review": "please look", "block": "blocks"}
RANK = {"block": 0, "review": 1}
CLAIMS = {
    "point-in-time": (
        "Point-in-time: every figure uses only what was known on its date, so the holdout figures stand for future use."
    ),
    "reconstructed": (
        "Reconstructed: the history does not say when a fact became known. Figures may be a little too good."
    ),
    "cross-sectional": (
        "Cross-sectional: the table has no dates. Figures come from cross-validation and say nothing about the future."
    ),
}


def checks_section(lens: Lens) -> Section:
    """Claim level, checks, drift, warnings."""
    checks = sorted(records(lens.evidence, "checks"), key=lambda row: RANK.get(words(row, "severity"), 2))
    blocks: list[Block] = []
    claim = words(lens.evidence, "claim_level")
    blocks.append(
        Prose(CLAIMS.get(claim, clean(claim, 80)), lead="Claim level.")
        if claim
        else Missing("Claim level", lens.why_absent)
    )
    if checks:
        columns = [text_column("state"), text_column("check"), text_column("what was found")]
        cells = [
            [
                Cell(
                    _state(row),
                    look=f"state {words(row, 'severity') if words(row, 'severity') in STATES else ''}",
                ),
                Cell(clean(words(row, "id"), 80), look="mono"),
                Cell(clean(words(row, "detail"), 900), note=_allowed(row)),
            ]
            for row in checks
        ]
        blocks.append(Table("Leakage and sanity checks", columns, cells))
    else:
        blocks.append(Missing("Checks", "the evidence lists none"))
    drift = words(lens.evidence, "drift", "sentence")
    blocks += [Prose(clean(drift, 600), lead="Drift.")] if drift else []
    blocks += [Prose(clean(text, 600), tone="warn", lead="Note.") for text in texts(lens.evidence, "warnings")]
    counts = {state: sum(words(row, "severity") == state for row in checks) for state in STATES}
    finding = f"{counts['ok']} ok, {counts['review']} to look at, {counts['block']} blocking."
    return Section("checks", "Data quality and checks", finding, blocks, short="Checks")


def _state(row: object) -> str:
    state = STATES.get(words(row, "severity"), clean(words(row, "severity"), 20))
    return f"{state} (allowed)" if words(row, "allowed") else state


def _allowed(row: object) -> str:
    reason = words(row, "allowed")
    return f"Allowed, reason given: {clean(reason, 400)}" if reason else ""
