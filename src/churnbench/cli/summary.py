"""The closing summary of a run: what was decided, by how much, what changes, what to open next."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_WIDTH = 80
_MOVES = 6
_CUT_MOVED = 0.005  # points; cut-offs have two decimals
_TIED = "\0"  # stands for a space at which a line may not break
_WORDS = {
    "promote": "PROMOTE the candidate",
    "keep-equivalent": "KEEP today's formula: equivalent",
    "reject": "REJECT the candidate",
    "not-enough-evidence": "NOT ENOUGH EVIDENCE",
    "descriptive-only": "DESCRIPTIVE ONLY",
    "blocked": "BLOCKED",
}
#: Codes of a terminal's green and red; every other verdict is yellow.
_COLOURS = {"promote": 32, "reject": 31, "blocked": 31}


def closing_summary(evidence: Mapping[str, Any], out: Path) -> str:
    """Text of about twenty-five lines, 80 columns (a path may be longer).

    Args:
        evidence: the document of docs/evidence.md.
        out: folder of the results.
    """
    lines = [_title(evidence), "", *_verdict(evidence), "", *_table(evidence), "", *_changes(evidence)]
    lines += [*_last_time(evidence), ""]
    lines.append(f"  Open      {out / 'review.html'}")
    lines.append("  MLflow    churnbench ui")
    lines.append(f"  Score     churnbench score {out / 'config.json'} \\")
    lines.append(f"              {out / 'latest_inputs.parquet'} --out scores.csv")
    if evidence["verdict"] == "promote":
        lines.append(f"  Release   churnbench promote {out} --by NAME --role ROLE")
    return "\n".join(lines)


def _words(evidence: Mapping[str, Any]) -> str:
    """The verdict in capitals."""
    in_force = (evidence.get("today") or {}).get("source") == "in-force"
    said = _WORDS[evidence["verdict"]]
    return said.replace("today's formula", "the formula in force") if in_force else said


def _title(evidence: Mapping[str, Any]) -> str:
    data = evidence["data"]
    left = (
        f"churnbench · {evidence['project']['name']} · {data['accounts']:,} accounts, "
        f"{data['snapshots']} snapshot{'s' if data['snapshots'] != 1 else ''}, {data['events']:,} churned"
    )
    return f"{left}\nclaim level: {evidence['claim_level']}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12)


def _verdict(evidence: Mapping[str, Any]) -> list[str]:
    gate = evidence["gate"]
    found = [f"  Verdict   {_words(evidence)}", *_wrapped(evidence["verdict_sentence"])]
    delta = evidence["delta_log_loss"]
    losses = [evidence["contenders"][name]["holdout"]["log_loss"]["value"] for name in ("incumbent", gate["candidate"])]
    if delta["ci90"] is not None and None not in losses:
        where = "On the holdout" if evidence["claim_level"] != "cross-sectional" else "Cross-validated"
        found += _wrapped(
            f"{where} ({gate['holdout_events']:,} churned accounts): log loss {losses[0]:.3f} -> {losses[1]:.3f}, "
            f"difference {delta['value']:.4f} (90 % interval {delta['ci90'][0]:.4f} to {delta['ci90'][1]:.4f})."
        )
    today = evidence.get("today") or {}
    if today.get("source") == "in-force":
        found += _wrapped(f"Compared with the {today['described']}.")
    chosen = (evidence.get("capacity") or {}).get("sentence")
    return [*found, *_wrapped(chosen)] if chosen else found


def _table(evidence: Mapping[str, Any]) -> list[str]:
    gate = evidence["gate"]
    contenders = evidence["contenders"]
    k = contenders["incumbent"]["at_capacity"]["k"]
    found = [f"{'':27}AUC   90 % interval   log loss   caught in {k:,} calls"]
    rows = [
        ("incumbent", contenders["incumbent"]["label"]),
        (gate["candidate"], "candidate"),
        ("lightgbm", contenders["lightgbm"]["label"]),
    ]
    for name, label in rows:
        entry = contenders[name]
        auc, loss, caught = entry["holdout"]["auc"], entry["holdout"]["log_loss"], entry["at_capacity"]
        interval = "        -      " if auc["ci90"] is None else f"{_short(auc['ci90'][0])} - {_short(auc['ci90'][1])}"
        found.append(
            f"  {label:<24}{_short(auc['value']):>4}   {interval:>13}   {_short(loss['value']):>8}   "
            f"{caught['caught']:.0f} of {caught['of']}"
        )
    return found


def _short(value: float | None) -> str:
    """Three decimals without the leading zero.

    >>> _short(0.7123), _short(1.2), _short(None)
    ('.712', '1.200', '-')
    """
    return "-" if value is None else f"{value:.3f}".removeprefix("0")


def _changes(evidence: Mapping[str, Any]) -> list[str]:
    parts = []
    weights = evidence["weights"]["dimensions"]
    if len(weights) < 2:
        moves = evidence["weights"]["metrics"]
        weights = sorted(moves, key=lambda row: -abs(row["candidate"] - row["hand"]))[:_MOVES]
    for weight in weights:
        interval = weight["ci90"]
        known = f" [{interval[0]:.0f}, {interval[1]:.0f}]" if interval else ""
        part = f"{weight['label']} {weight['hand']:.0f} -> {weight['candidate']:.0f}{known}"
        parts.append(part.replace(" ", _TIED))
    found = [line.replace(_TIED, " ") for line in _labelled("What changes", "   ".join(parts))]
    changes = evidence["direction_changes"]
    for change in changes[:2]:
        found += _labelled("Please look", change["detail"])
    if len(changes) > 2:
        found += _labelled("", f"and {len(changes) - 2} more direction changes to approve in the review")
    for threshold in evidence["thresholds"]:
        if threshold["guaranteed"]:
            top = threshold is evidence["thresholds"][-1]
            side = f"from {threshold['from']:.0f} (raw {threshold['from_raw']:.0f})" if top else "the lowest band"
            bound = "at most" if top else "at least"
            found += _labelled(
                "" if any(line.startswith("  Bands") for line in found) else "Bands",
                f"{threshold['band']} {side}: {bound} {threshold['promise']:.1%} churn, promised with 90 % confidence",
            )
    if _is_draft(evidence):
        cuts = "; ".join(
            f"{row['band']} from {row['from']:g} (was {row['was']:g})"
            for row in evidence["thresholds"]
            if abs(row["from"] - row["was"]) >= _CUT_MOVED
        )
        found += _labelled("Cut-offs", f"{cuts}; the draft's, they promise nothing") if cuts else []
    found += _limits(evidence)
    review = [check for check in evidence["checks"] if check["severity"] != "ok"]
    if review:
        found += _labelled("Checks", f"{len(review)} to look at; first: {review[0]['detail']}")
    for warning in evidence["warnings"][:3]:
        found += _labelled("Note", warning)
    return found


def _limits(evidence: Mapping[str, Any]) -> list[str]:
    """What each limit that the user has set costs."""
    priced = [
        f"{row['id']} {row['setting']} costs {row['price_auc']:.4f} AUC and {row['price_log_loss']:.4f} log loss"
        for row in evidence["constraints"]
        if not row["id"].startswith("shapes") and None not in (row["price_auc"], row["price_log_loss"])
    ]
    return _labelled("Limits", "; ".join(priced)) if priced else []


def _is_draft(evidence: Mapping[str, Any]) -> bool:
    """Whether the candidate is a formula that somebody brought."""
    return bool(evidence["gate"]["candidate"] == "draft")


def _last_time(evidence: Mapping[str, Any]) -> list[str]:
    """What was decided last time, and the promises that were broken."""
    last = evidence.get("last_decision")
    if not last:
        return []
    if last.get("note"):
        return _labelled("Last time", last["note"])
    verb = "released" if last["event"] == "promote" else "went back to"
    text = f"{last['at'][:10]} {last['by']} ({last['role']}) {verb} {last['config_version']}."
    bands = [band for band in last["outcome"]["bands"] if band["promise"] is not None]
    states = {True: "kept", False: "broken", None: "open"}
    told = ", ".join(f"{band['band']} {states[band['kept']]}" for band in bands)
    return _labelled("Last time", f"{text} Promises since then: {told}." if told else text)


def _labelled(label: str, text: str) -> list[str]:
    wrapped = textwrap.wrap(text, _WIDTH - 17) or [""]
    return [f"  {label:<15}{wrapped[0]}", *[" " * 17 + line for line in wrapped[1:]]]


def coloured(text: str, verdict: str) -> str:
    """The summary with its verdict set off, for a terminal that shows colour."""
    words = _WORDS[verdict].partition(" today's")[0]
    return text.replace(words, f"\033[1;{_COLOURS.get(verdict, 33)}m{words}\033[0m", 1)
