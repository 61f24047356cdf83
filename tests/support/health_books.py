"""Books small enough to compute every figure of a report by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from churnbench.domain.cohort import OutcomeWindow
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser, RiskFactor
from churnbench.export import build_document
from churnbench.formula import build_body, with_risk_curve
from churnbench.health import Book
from churnbench.health.meaning import dimensions_of, metrics_of
from churnbench.workflow.score_frames import scored_history

NOW = pd.Timestamp("2025-12-31")
MONTH_AGO = pd.Timestamp("2025-11-30")
QUARTER_AGO = pd.Timestamp("2025-09-30")
YEAR_AGO = pd.Timestamp("2024-12-31")
#: P(churn) falls in a line from 0.5 at 0 points to 0.1 at 100; its limits from 0.4 and 0.6 to 0.05 and 0.2.
CURVE = [[0.0, 0.5, 0.4, 0.6], [100.0, 0.1, 0.05, 0.2]]
HOSTILE = (
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "a" * 300,
    "\u202eevil\u202c שלום",
    "🦊 | `x` [a](http://b) **c**",
    "../../etc/passwd",
    "index",
)


def formula() -> FormulaSpec:
    """Score = 6 x logins + 0.4 x meetings: logins from 0 to 10, meetings from 0 to 100."""
    return FormulaSpec(
        dimensions=(DimensionSpec("usage", 60, "Usage"), DimensionSpec("engagement", 40, "Engagement")),
        metrics=(
            MetricSpec("logins", "usage", 1, leading=True, normalise=ramp(0, 10), unit="a week", label="Logins"),
            MetricSpec("meetings", "engagement", 1, normalise=ramp(0, 100), label="Meetings"),
        ),
    )


def ramp(low: float, high: float) -> Normaliser:
    """A straight line from 0 to 100 points."""
    return Normaliser("ramp", {"low": low, "high": high})


#: The five states of the preset four-components.
FIVE_STATES = (("critical", 0.0), ("at-risk", 30.0), ("neutral", 50.0), ("healthy", 70.0), ("thriving", 85.0))


def document(
    *, risk: bool = True, bands: Sequence[tuple[str, float]] | None = None, motions: dict[str, str] | None = None
) -> dict[str, Any]:
    """The formula as a config, with `CURVE` unless told otherwise."""
    spec = formula() if bands is None else replace(formula(), bands=tuple(bands))
    body = build_body(spec, pd.DataFrame({"logins": [0.0, 10.0], "meetings": [0.0, 100.0]}))
    if risk:
        body = with_risk_curve(body, [{"id": "all", "from": None, "to": None, "points": CURVE}])
    return build_document(
        body,
        config_id="tiny",
        config_version="1.0.0",
        sequence=1,
        lifecycle={"created": "2025-01-01T00:00:00Z"},
        extra={"motions": motions} if motions else None,
    )


def row(account: str, as_of: object, logins: float | None, meetings: float | None, **more: Any) -> dict[str, Any]:
    """One reading."""
    return {"account_id": account, "as_of": pd.Timestamp(as_of), "logins": logins, "meetings": meetings, **more}


def churn(account: str, on: str, *, involuntary: bool = False) -> dict[str, Any]:
    """One churn, known on its day."""
    day = pd.Timestamp(on)
    return {
        "account_id": account,
        "churn_at": day,
        "churned_on": day,
        "known_on": day,
        "involuntary": involuntary,
        "back_on": pd.NaT,
    }


def book(
    rows: Sequence[dict[str, Any]],
    *,
    churns: Sequence[dict[str, Any]] = (),
    changes: Sequence[dict[str, Any]] = (),
    risk: bool = True,
    bands: Sequence[tuple[str, float]] | None = None,
    motions: dict[str, str] | None = None,
    **more: Any,
) -> Book:
    """A book of these readings on the newest date among them, outcomes known until then."""
    made = document(risk=risk, bands=bands, motions=motions)
    frame = pd.DataFrame(rows)
    for name in ("logins", "meetings"):
        frame[name] = frame[name].astype(float)
    history = scored_history(made, frame)
    columns = ["account_id", "churn_at", "churned_on", "known_on", "involuntary", "back_on"]
    gone = pd.DataFrame(list(churns), columns=columns)
    for name in ("churn_at", "churned_on", "known_on", "back_on"):
        gone[name] = pd.to_datetime(gone[name]).astype("datetime64[us]")
    moved = pd.DataFrame(list(changes), columns=["account_id", "on", "kind", "share"])
    moved["on"] = pd.to_datetime(moved["on"]).astype("datetime64[us]")
    settings = {
        "project": "tiny",
        "as_of": history["as_of"].max(),
        "known_until": history["as_of"].max(),
        "formula_source": "a formula for tests",
        "window": OutcomeWindow(14, 90, 0),
    }
    return Book(
        history=history,
        document=made,
        metrics=metrics_of(made, formula()),
        dimensions=dimensions_of(made, formula()),
        churns=gone,
        changes=moved,
        **{**settings, **more},
    )


def peers(number: int = 12, *, as_of: object = NOW, **more: Any) -> list[dict[str, Any]]:
    """Accounts p00, p01, ... of segment SMB: logins 1, 2, 3, ... up to 10 in turn, meetings 50."""
    return [
        row(f"p{place:02d}", as_of, float(place % 10 + 1), 50.0, segment="SMB", arr=1000.0, csm="Ada", **more)
        for place in range(number)
    ]


def part(report: Any, name: str) -> Any:
    """The part of a report with this id."""
    return next(one for section in report.sections for one in section.parts if getattr(one, "id", None) == name)


def fact(report: Any, name: str) -> Any:
    """The figure of the first screen with this id."""
    return next(number for number in report.facts if number.id == name)


def hostile() -> Book:
    """A book whose accounts, segments, CSMs and industries are called what nobody should be called."""
    rows = []
    for number, name in enumerate(HOSTILE):
        for day, logins in ((YEAR_AGO, 9.0), (QUARTER_AGO, 7.0), (MONTH_AGO, 6.0), (NOW, float(number % 3))):
            more = {"segment": HOSTILE[0], "csm": HOSTILE[4], "arr": 100.0 * (number + 1)}
            rows.append(row(name, day, logins, 20.0, renewal_on=NOW + pd.Timedelta(days=40), **more))
    rows += [
        {**one, "segment": HOSTILE[0], "csm": HOSTILE[1]} for day in (QUARTER_AGO, NOW) for one in peers(12, as_of=day)
    ]
    names = sorted({one["account_id"] for one in rows})
    accounts = pd.DataFrame(
        {"account_id": names, "industry": HOSTILE[4], "channel": HOSTILE[0], "started_on": YEAR_AGO}
    )
    bad = HOSTILE[0]
    spec = replace(
        formula(),
        risk_factors=(
            RiskFactor("bad", "meetings", "<", 50.0, "high", bad),
            RiskFactor("none", bad, "<", 1.0, "high", bad),
        ),
        severity_points={"high": 20.0},
    )
    return book(
        rows,
        spec=spec,
        interventions=interventions(),
        churns=[churn("p00", "2025-11-01")],
        changes=[{"account_id": HOSTILE[0], "on": "2025-10-01", "kind": "expansion", "share": 0.1}],
        accounts=accounts,
        project=HOSTILE[0],
        evidence=evidence(),
        notes=(f"note {HOSTILE[0]}",),
    )


def interventions() -> pd.DataFrame:
    """A log in which everything that is words is hostile."""
    return pd.DataFrame(
        {
            "account_id": list(HOSTILE),
            "started_on": pd.Timestamp("2025-10-10"),
            "kind": HOSTILE[0],
            "treated": True,
            "trigger": HOSTILE[4],
            "outcome": HOSTILE[3],
        }
    )


def evidence() -> dict[str, object]:
    """A run's evidence that holds hostile text and lacks most of what it might hold."""
    bad = HOSTILE[0]
    figure = {"value": 0.7, "ci90": [0.6, 0.8]}
    return {
        "verdict": "reject",
        "verdict_sentence": bad,
        "weights": {"dimensions": [{"id": bad, "label": bad, "hand": 60.0, "candidate": 50.0, "ci90": [40.0, 60.0]}]},
        "contenders": {"incumbent": {"label": bad, "holdout": {"auc": figure}}},
        "movers": {"accounts": [{"account_id": name} for name in HOSTILE], "matrix": []},
        "gate": {"guards": [{"id": bad, "ok": False, "detail": bad}]},
        "caveats": [{"target": bad, "sentence": bad}],
    }
