"""What a review is called in the experiment tracking, and what its page there says first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from churnbench.domain.markdown import escaped, table

#: Lines of a description that repeat what checks and warnings say.
_MOST = 5


def review_name(project: str, data_through: str | None, verdict: str) -> str:
    """Name of the parent run: whose review, how far the data reach, what came out.

    >>> review_name("acme", "2025-03-31", "not-enough-evidence")
    'acme · to 2025-03-31 · not enough evidence'
    >>> review_name("telco", None, "descriptive-only")
    'telco · undated · descriptive only'
    """
    reach = "undated" if data_through is None else f"to {data_through}"
    return f"{project} · {reach} · {verdict.replace('-', ' ')}"


def unfinished_name(project: str) -> str:
    """Name until the verdict is known; a review that fails or is killed keeps it."""
    return f"{project} · unfinished"


def review_note(evidence: Mapping[str, Any]) -> str:
    """The review in a few lines of Markdown.

    Args:
        evidence: the document of docs/evidence.md, of a finished or of a blocked review.
    """
    lines = [f"**{escaped(evidence['verdict_sentence'])}**", "", escaped(evidence["verdict_reason"]), ""]
    if evidence["contenders"]:
        lines += [*_compared(evidence), *_contenders(evidence), "", *_changes(evidence), ""]
    lines += [*_checks(evidence), "", _data(evidence), "", _where(evidence)]
    return "\n".join(lines)


def _contenders(evidence: Mapping[str, Any]) -> list[str]:
    gate, found = evidence["gate"], evidence["contenders"]
    k = found["incumbent"]["at_capacity"]["k"]
    shown = {
        "incumbent": found["incumbent"]["label"],
        gate["candidate"]: "candidate",
        "lightgbm": found["lightgbm"]["label"],
    }
    rows = []
    for name, label in shown.items():
        holdout, caught = found[name]["holdout"], found[name]["at_capacity"]
        rows.append([label, _range(holdout["log_loss"]), _range(holdout["auc"]), _caught(caught)])
    heads = ["On the holdout", "log loss (90 % interval)", "AUC (90 % interval)", f"caught in {k:,} accounts called"]
    return table(heads, rows)


def _compared(evidence: Mapping[str, Any]) -> list[str]:
    """Which formula is to be beaten, where a released one is."""
    today = evidence.get("today") or {}
    return [f"Compared with the {escaped(today['described'])}.", ""] if today.get("source") == "in-force" else []


def _caught(figure: Mapping[str, Any]) -> str:
    return f"{figure['caught']:.0f} of {figure['of']}"


def _range(figure: Mapping[str, Any]) -> str:
    if figure["value"] is None:
        return "not defined"
    interval = figure.get("ci90")
    return f"{figure['value']:.3f}" + ("" if not interval else f" ({interval[0]:.3f} to {interval[1]:.3f})")


def _changes(evidence: Mapping[str, Any]) -> list[str]:
    moves = ", ".join(
        f"{escaped(row['label'])} {row['hand']:.0f} to {row['candidate']:.0f}"
        for row in evidence["weights"]["dimensions"]
    )
    lines = [f"- Weights, per cent of the score: {moves}"] if moves else []
    for cut in evidence["thresholds"]:
        if cut["guaranteed"]:
            side = "at most" if cut is evidence["thresholds"][-1] else "at least"
            lines.append(f"- {escaped(cut['band'])}: {side} {cut['promise']:.1%} churn, promised with 90 % confidence")
    lines += [f"- To approve: {escaped(change['detail'])}" for change in evidence["direction_changes"][:_MOST]]
    return lines


def _checks(evidence: Mapping[str, Any]) -> list[str]:
    loud = [check for check in evidence["checks"] if check["severity"] != "ok"]
    lines = [f"- Check, {check['severity']}: {escaped(check['detail'])}" for check in loud[:_MOST]]
    lines += [f"- Note: {escaped(warning)}" for warning in evidence["warnings"][:_MOST]]
    return lines or ["- Every check passed, no warnings."]


def _data(evidence: Mapping[str, Any]) -> str:
    data = evidence["data"]
    text = f"Data: {data['accounts']:,} accounts, {data['rows']:,} labelled rows, {data['events']:,} churned accounts"
    if data["first_as_of"] is not None:
        text += f", snapshots {data['first_as_of']} to {data['last_as_of']}, outcomes to {data['data_through']}"
    gate = evidence.get("gate")
    if gate is None:
        return text + "."
    return (
        f"{text}. Holdout: {gate['holdout_events']:,} churned accounts, {_span(evidence)}opened "
        f"{_times(gate['unlocks'])} so far. Claim level: {evidence['claim_level']}."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def holdout_span(evidence: Mapping[str, Any]) -> tuple[str, str] | None:
    """First and last as-of date of the holdout; None without dates."""
    spans: Iterable[tuple[Any, Any]] = (
        (fold["test_from"], fold["test_until"]) for fold in evidence["folds"] if fold["role"] == "holdout"
    )
    return next((span for span in spans if None not in span), None)


def _span(evidence: Mapping[str, Any]) -> str:
    span = holdout_span(evidence)
    return "" if span is None else f"snapshots {span[0]} to {span[1]}, "


def _where(evidence: Mapping[str, Any]) -> str:
    files = ["`review.html` (the page of the meeting)", "`evidence.json` (every figure)"]
    if evidence["contenders"]:
        files += ["`figures/`", "`config/config.json` (the candidate)", "`incumbent.json` (today's formula)"]
    nested = " Nested runs: one per contender and fold." if evidence["contenders"] else ""
    return f"Artifacts: {', '.join(files)}.{nested}"
