"""The insights report: what a review found about the formula, for those who decide on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from churnbench.health.book import Book
from churnbench.health.result import Absent, Chart, Column, Facts, Note, Number, Part, Report, Section, Table
from churnbench.health.statistics import bounds
from churnbench.metrics import korn_graubard

Evidence = Mapping[str, Any]
_MEASURES = (
    ("auc", "AUC", "auc"),
    ("log_loss", "Log loss", "loss"),
    ("brier", "Brier score", "loss"),
    ("lift_at_10pct", "Lift in the riskiest 10 %", "ratio"),
)
_LEAST_ACCOUNTS, _LEAST_EVENTS = 30, 5
_FROM = "From the run's evidence.json."


def insights_report(book: Book) -> Report:
    """What the evidence of a run says; without a run, what is missing."""
    evidence = book.evidence
    if evidence is None:
        absent = Absent(
            "evidence",
            "The review's findings",
            "no run was named",
            "Run churnbench run PROJECT --out DIR, then report insights PROJECT --run DIR.",
        )
        section = Section("evidence", "Insights", "Not known.", [absent])
        return Report(
            "insights",
            "formula",
            "No review to report on.",
            "Insights come from a finished run.",
            [],
            [section],
            book.about(),
            [],
        )
    contenders = evidence.get("contenders") or {}
    name = str((evidence.get("gate") or {}).get("candidate") or "anchored")
    sections = [
        _power_section(evidence),
        _weights_section(evidence),
        _thresholds_section(evidence),
        _gain_section(evidence, contenders, name),
        _errors_section(book, name),
        _accounts_section(evidence),
        _decision_section(evidence),
    ]
    delta = evidence.get("delta_log_loss") or {}
    return Report(
        kind="insights",
        subject="formula",
        headline=_verdict_words(evidence),
        reason=str(evidence.get("verdict_sentence") or ""),
        facts=[
            Number(
                "delta",
                "Log loss saved on later data",
                delta.get("value"),
                "loss",
                f"Today's formula minus candidate on the holdout, accounts resampled. {_FROM}",
                _pair(delta.get("ci90")),
            ),
            *_measured(contenders, name, "auc", "AUC"),
            Number(
                "events",
                "Churned accounts in the holdout",
                (evidence.get("gate") or {}).get("holdout_events"),
                "count",
                _FROM,
            ),
        ],
        sections=sections,
        about={
            **book.about(),
            "run_created": (evidence.get("project") or {}).get("created"),
            "claim_level": evidence.get("claim_level"),
        },
        caveats=[str(entry.get("sentence")) for entry in evidence.get("caveats") or []],
    )


def _verdict_words(evidence: Evidence) -> str:
    words = {
        "promote": "Promote the candidate.",
        "keep-equivalent": "Keep today's formula: the candidate is equivalent.",
        "reject": "Reject the candidate.",
        "not-enough-evidence": "Not enough evidence; today's formula stays.",
        "descriptive-only": "Descriptive only: too few churned accounts to decide.",
        "blocked": "Blocked by a check.",
    }
    return words.get(str(evidence.get("verdict")), str(evidence.get("verdict")))


def _measured(contenders: Mapping[str, Any], name: str, measure: str, label: str) -> list[Number]:
    found = []
    for key, who in (("incumbent", "today"), (name, "candidate")):
        figure = ((contenders.get(key) or {}).get("holdout") or {}).get(measure) or {}
        found.append(
            Number(
                f"{measure}_{key}",
                f"{label}, {who}",
                figure.get("value"),
                "auc",
                f"Holdout, accounts resampled. {_FROM}",
                _pair(figure.get("ci90")),
            )
        )
    return found


def _pair(interval: Any) -> tuple[float, float] | None:
    return (float(interval[0]), float(interval[1])) if interval and None not in interval else None


def _power_section(evidence: Evidence) -> Section:
    """AUC by lead time of every dimension and metric."""
    lead = evidence.get("lead_lag") or {}
    signals = lead.get("signals") or []
    if not signals:
        absent = Absent(
            "power",
            "Predictive power",
            "the run has no lead-time analysis (no dates, or too few churns)",
            "See lead-time.md.",
        )
        return Section("power", "Predictive power", "Not known.", [absent])
    buckets = [(bucket["from"], bucket["to"]) for bucket in signals[0]["buckets"]]
    rows = []
    for signal in signals:
        row: dict[str, Any] = {
            "signal": "Today's formula" if signal["id"] == "incumbent" else signal["label"],
            "kind": signal["kind"],
            "class": str(signal["class"]).replace("-", " "),
        }
        for low, _ in buckets:
            bucket: Evidence = next((one for one in signal["buckets"] if one["from"] == low), {})
            auc = bucket.get("auc") or {}
            row[f"d{low}"], row[f"d{low}_ci90"] = auc.get("value"), _pair(auc.get("ci90"))
        rows.append(row)
    order = {"formula": 0, "dimension": 1, "metric": 2}
    rows.sort(key=lambda row: (order.get(str(row["kind"]), 3), -(row[f"d{buckets[-1][0]}"] or 0.0)))
    columns = [Column("signal", "Signal"), Column("kind", "Kind"), Column("class", "Moves")]
    columns += [Column(f"d{low}", f"AUC {low}–{high} days before", "auc") for low, high in buckets]
    how = (
        f"Churned accounts against accounts that stayed, matched on month and renewal, known by {lead.get('until')}; "
        f"accounts resampled; at least {lead.get('min_events')} events a bucket. Leading: lower limit above .55 "
        f"at 60 days or more. {_FROM}"
    )
    leading = [str(row["signal"]) for row in rows if row["class"] == "leading" and row["kind"] == "metric"]
    finding = f"Leading: {', '.join(leading[:4])}." if leading else "No metric is shown to lead."
    return Section(
        "power",
        "Predictive power and lead time",
        finding,
        [Table("power", "AUC by days before the churn", columns, rows, how)],
    )


def _weights_section(evidence: Evidence) -> Section:
    weights = evidence.get("weights") or {}
    parts: list[Part] = []
    for key, title in (("dimensions", "Weights of dimensions"), ("metrics", "Weights of metrics")):
        rows = [
            {
                "name": entry.get("label") or entry.get("id"),
                "hand": _share(entry.get("hand")),
                "candidate": _share(entry.get("candidate")),
                "candidate_ci90": _share_pair(entry.get("ci90")),
                "agreement": entry.get("direction_agreement"),
            }
            for entry in weights.get(key) or []
        ]
        if not rows:
            continue
        if key == "dimensions":
            data = {"rows": [[row["name"], row["hand"], row["candidate"], row["candidate_ci90"]] for row in rows]}
            parts.append(
                Chart(
                    "weights", "Current and proposed weights", "weights", data, f"Interval: accounts resampled. {_FROM}"
                )
            )
        columns = [Column("name", "Name"), Column("hand", "Current", "share"), Column("candidate", "Proposed", "share")]
        if key == "metrics":
            columns.append(Column("agreement", "Resamples that agree on the direction", "share"))
        parts.append(
            Table(f"weights_{key}", title, columns, rows, f"Share of the whole score; accounts resampled. {_FROM}")
        )
    if not parts:
        return Section(
            "weights",
            "Weights",
            "Not known.",
            [Absent("weights", "Weights", "the run was blocked before", "See its checks.")],
        )
    moves = sorted(
        weights.get("dimensions") or [], key=lambda e: -abs((e.get("candidate") or 0) - (e.get("hand") or 0))
    )
    first = moves[0]
    finding = (
        f"Largest move: {first.get('label')} {first.get('hand'):.0f} to {first.get('candidate'):.0f} %."
        if None not in (first.get("candidate"), first.get("hand"))
        else ""
    )
    return Section("weights", "Weights, current and proposed", finding, parts)


def _share(value: Any) -> float | None:
    return None if value is None else float(value) / 100


def _share_pair(interval: Any) -> tuple[float, float] | None:
    pair = _pair(interval)
    return None if pair is None else (pair[0] / 100, pair[1] / 100)


def _thresholds_section(evidence: Evidence) -> Section:
    rows = []
    for entry in evidence.get("thresholds") or []:
        observed = entry.get("observed") or {}
        rows.append(
            {
                "band": entry.get("band"),
                "was": entry.get("was"),
                "from": entry.get("from"),
                "promise": entry.get("promise"),
                "guaranteed": "yes" if entry.get("guaranteed") else "no",
                "observed": observed.get("rate"),
                "observed_ci90": _pair(observed.get("ci90")),
                "accounts": observed.get("accounts"),
            }
        )
    if not rows:
        return Section(
            "thresholds",
            "Thresholds",
            "Not known.",
            [Absent("thresholds", "Thresholds", "the run proposes none", "See its verdict.")],
        )
    columns = [
        Column("band", "Band", "band"),
        Column("was", "Current from", "points"),
        Column("from", "Proposed from", "points"),
        Column("promise", "Promised churn", "share"),
    ]
    columns += [
        Column("guaranteed", "Guaranteed"),
        Column("observed", "Churn on later data", "share"),
        Column("accounts", "Accounts there", "count"),
    ]
    kept = sum(1 for row in rows if row["guaranteed"] == "yes")
    return Section(
        "thresholds",
        "Thresholds, current and proposed",
        f"{kept} of {len(rows)} bands carry a promise.",
        [Table("thresholds", "Thresholds", columns, rows, f"Later data: the holdout. {_FROM}")],
    )


def _gain_section(evidence: Evidence, contenders: Mapping[str, Any], name: str) -> Section:
    rows = []
    for key in ("incumbent", name, "lightgbm", "best_single_metric"):
        entry = contenders.get(key)
        if entry is None:
            continue
        row: dict[str, Any] = {"contender": entry.get("label") or key}
        for measure, _, _ in _MEASURES:
            figure = (entry.get("holdout") or {}).get(measure) or {}
            row[measure], row[f"{measure}_ci90"] = figure.get("value"), _pair(figure.get("ci90"))
        at = entry.get("at_capacity") or {}
        if at.get("of") is not None and at.get("caught") is not None:
            row["caught"] = f"{at.get('caught'):.0f} of {at.get('of')}"
        rows.append(row)
    columns = [Column("contender", "Formula")]
    columns += [Column(measure, label, unit) for measure, label, unit in _MEASURES]  # type: ignore[arg-type]
    capacity = next((entry["at_capacity"].get("k") for entry in contenders.values() if entry.get("at_capacity")), None)
    if capacity is not None:
        columns.append(Column("caught", f"Caught in {capacity} accounts"))
    delta = evidence.get("delta_log_loss") or {}
    finding = "No comparison."
    pair = _pair(delta.get("ci90"))
    if delta.get("value") is not None and pair is not None:
        finding = f"Log loss falls by {delta['value']:.4f} (90 % interval {pair[0]:.4f} to {pair[1]:.4f}).".replace(
            "-", "−"
        )
    return Section(
        "gain",
        "Expected gain on later data",
        finding,
        [Table("gain", "On the holdout, never used to fit", columns, rows, f"Accounts resampled. {_FROM}")],
    )


def _errors_section(book: Book, name: str) -> Section:
    """False positives and negatives per segment, today's formula and the candidate, each at its own cut-off."""
    evidence, scores = book.evidence or {}, book.holdout
    cuts = {entry["band"]: entry for entry in evidence.get("thresholds") or []}
    second = next((cut for band, cut in cuts.items() if book.roles.get(str(band)) != "red"), None)
    if scores is None or second is None or f"{name}.health_score" not in scores:
        fix = "Keep holdout_scores.parquet beside evidence.json." if scores is None else "See the run's verdict."
        return Section(
            "errors",
            "False alarms and misses",
            "Not known.",
            [Absent("errors", "False alarms and misses by segment", "the scored holdout is not there", fix)],
        )
    segment = book.history.drop_duplicates("account_id").set_index("account_id")["segment"]
    rows = scores.assign(segment=scores["account_id"].astype(str).map(segment).fillna("unknown").astype(str))
    found: list[dict[str, Any]] = []
    for label, inside in [("all", rows), *((str(key), part) for key, part in rows.groupby("segment"))]:
        for key, who, cut in (("incumbent", "today", second.get("was")), (name, "candidate", second.get("from"))):
            if cut is not None:
                found.append(_error_row(label, who, inside, inside[f"{key}.health_score"] < cut))
    columns = [
        Column("segment", "Segment"),
        Column("formula", "Formula"),
        Column("accounts", "Accounts", "count"),
        Column("events", "Churned", "count"),
    ]
    columns += [
        Column("false_alarms", "Stayed, but flagged", "share"),
        Column("missed", "Churned, but not flagged", "share"),
    ]
    how = (
        f"Readings of the holdout; flagged: at risk, below the cut-off of each formula ({second.get('was')} today, "
        f"{second.get('from')} candidate). Korn-Graubard intervals, accounts as clusters; rates below "
        f"{_LEAST_ACCOUNTS} accounts or {_LEAST_EVENTS} churned are withheld."
    )
    return Section(
        "errors",
        "False alarms and misses",
        "By segment, at the cut-off of the bands at risk.",
        [Table("errors", "By segment", columns, found, how)],
    )


def _error_row(segment: str, who: str, rows: pd.DataFrame, flag: pd.Series) -> dict[str, Any]:
    y, flagged, accounts = rows["y"].to_numpy(dtype=float), flag.to_numpy(dtype=bool), rows["account_id"].to_numpy()
    events = int(rows.loc[rows["y"] == 1, "account_id"].nunique())
    found: dict[str, Any] = {
        "segment": segment,
        "formula": who,
        "accounts": int(rows["account_id"].nunique()),
        "events": events,
    }
    enough = found["accounts"] >= _LEAST_ACCOUNTS
    for name, chosen, wrong in (("false_alarms", y == 0, flagged), ("missed", y == 1, ~flagged)):
        if not enough or not chosen.any() or (name == "missed" and events < _LEAST_EVENTS):
            continue
        rate = korn_graubard(wrong[chosen].astype(float), accounts[chosen])
        found[name], found[f"{name}_ci90"] = rate.value, bounds(rate)
    return found


def _accounts_section(evidence: Evidence) -> Section:
    movers = evidence.get("movers") or {}
    rows = [
        {
            "account_id": entry["account_id"],
            "segment": entry.get("segment"),
            "arr": entry.get("arr"),
            "from_band": entry.get("from_band"),
            "to_band": entry.get("to_band"),
            "from_score": entry.get("from_score"),
            "to_score": entry.get("to_score"),
            "probability": entry.get("churn_probability"),
        }
        for entry in movers.get("accounts") or []
    ]
    columns = [
        Column("account_id", "Account"),
        Column("segment", "Segment"),
        Column("arr", "ARR", "money"),
        Column("from_band", "Band today", "band"),
        Column("to_band", "Proposed", "band"),
    ]
    columns += [
        Column("from_score", "Score today", "points"),
        Column("to_score", "Proposed", "points"),
        Column("probability", "Churn probability", "probability"),
    ]
    cells = movers.get("matrix") or []
    moved = sum(int(cell["accounts"]) for cell in cells if cell["from"] != cell["to"])
    flow = [
        Column("from", "Band today", "band"),
        Column("to", "Band proposed", "band"),
        Column("accounts", "Accounts", "count"),
        Column("arr", "ARR", "money"),
    ]
    parts = [
        Table("flows", "Bands, today to proposed", flow, list(cells), _FROM),
        Table(
            "changed",
            f"Accounts that change band, largest ARR first ({min(len(rows), 40)} of {len(rows)})",
            columns,
            rows[:40],
            _FROM,
            empty="no account",
        ),
    ]
    return Section("accounts", "What would change for which accounts", f"{moved} accounts would change band.", parts)


def _decision_section(evidence: Evidence) -> Section:
    gate = evidence.get("gate") or {}
    guards = [
        {"guard": str(g["id"]).replace("-", " "), "ok": "holds" if g.get("ok") else "broken", "detail": g.get("detail")}
        for g in gate.get("guards") or []
    ]
    parts: list[Part] = [Note(str(evidence.get("verdict_reason") or ""), lead=_verdict_words(evidence))]
    if gate.get("events_needed"):
        parts.append(
            Facts(
                "needed",
                "To settle it",
                [Number("needed", "Churned accounts needed in a holdout", gate["events_needed"], "count", _FROM)],
            )
        )
    parts.append(
        Table(
            "guards",
            "Guards",
            [Column("guard", "Guard"), Column("ok", "State"), Column("detail", "Detail")],
            guards,
            _FROM,
            empty="none was set",
        )
    )
    last: Mapping[str, Any] = evidence.get("last_decision") or {}
    if last.get("event"):
        words = last.get("decision") or last.get("reason") or ""
        parts.append(
            Note(
                f"{last.get('event')} by {last.get('by')}, {last.get('role')}, {str(last.get('at'))[:10]}: {words}",
                lead="Last time.",
            )
        )
    parts.append(_sign_off(("Customer Success", "Data", "Finance")))
    return Section("decision", "Decision and sign-off", _verdict_words(evidence), parts)


def _sign_off(roles: Sequence[str]) -> Table:
    """Lines to be signed by hand; churnbench promote records the decision that counts."""
    columns = [Column("role", "Role"), Column("name", "Name"), Column("decision", "Decision"), Column("date", "Date")]
    rows = [{"role": role, "name": "", "decision": "", "date": None} for role in roles]
    return Table(
        "sign_off", "Sign-off", columns, rows, "To be filled in; churnbench promote records who released what and why."
    )
