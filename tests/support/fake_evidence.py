# ruff: noqa: E501 - sentences as a review would print them
"""A made-up evidence document for tests of the review page. None of its figures was measured.

Deterministic, in the shape of docs/evidence.md: 16 metrics, 4 dimensions, 3 folds, 8 contenders, 1,200 accounts.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

Document = dict[str, Any]

DIMENSIONS = [
    ("usage", "Usage", 35, 43),
    ("engagement", "Engagement", 25, 24),
    ("sentiment", "Sentiment", 25, 24),
    ("financial", "Financial", 15, 9),
]
METRICS = [
    ("active_seats_share", "Active seats share", "usage", "%", 14.0, 17.2, 0, 100),
    ("feature_adoption", "Feature adoption", "usage", "%", 10.5, 11.0, 0, 100),
    ("logins_30d", "Logins in 30 days", "usage", "logins", 7.0, 12.4, 0, 60),
    ("depth", "Advanced use", "usage", "share", 3.5, 2.4, 0, 1),
    ("csm_touchpoints", "CSM touchpoints", "engagement", "contacts", 8.8, 6.1, 0, 12),
    ("executive_sponsor", "Executive sponsor", "engagement", None, 6.2, 9.0, 0, 1),
    ("training_done", "Training completed", "engagement", "%", 5.0, 4.8, 0, 100),
    ("community", "Community visits", "engagement", "visits", 5.0, 4.1, 0, 20),
    ("nps", "NPS, last answer", "sentiment", "points", 10.0, 5.4, -100, 100),
    ("csat", "CSAT", "sentiment", "1-5", 7.5, 6.2, 1, 5),
    ("support_tickets", "Support tickets in 90 days", "sentiment", "tickets", 5.0, 9.9, 0, 30),
    ("advocacy", "Advocacy", "sentiment", "acts", 2.5, 2.5, 0, 5),
    ("arr_trend", "ARR trend, 12 months", "financial", "%", 6.0, 3.0, -40, 60),
    ("on_time_payment", "On-time payment", "financial", "%", 4.5, 3.2, 50, 100),
    ("utilisation", "Contract utilisation", "financial", "%", 3.0, 2.1, 0, 120),
    ("plan", "Plan", "financial", None, 1.5, 0.7, 0, 1),
]
CONTENDERS = [
    ("incumbent", "Today's formula", "formula", 0.712, 0.231),
    ("anchored", "Anchored refit", "formula", 0.793, 0.209),
    ("distilled", "Distilled", "formula", 0.781, 0.213),
    ("shap_slope", "SHAP slope", "formula", 0.752, 0.222),
    ("shap_share", "SHAP share", "formula", 0.726, 0.229),
    ("logistic", "Logistic regression", "model", 0.786, 0.212),
    ("lightgbm", "LightGBM", "model", 0.801, 0.207),
    ("best_single_metric", "Best single metric", "rule", 0.668, 0.241),
]
FOLDS = [
    ("2016-12-31", "2017-01-31", "2017-03-31", 7100, 1010, 44, "walk-forward"),
    ("2017-03-31", "2017-04-30", "2017-06-30", 8400, 1044, 51, "walk-forward"),
    ("2017-06-30", "2017-07-31", "2017-12-31", 9600, 2112, 61, "holdout"),
]


def _est(value: float, spread: float) -> Document:
    return {"value": round(value, 4), "ci90": [round(value - spread, 4), round(value + spread, 4)]}


def _measures(auc: float, loss: float) -> Document:
    return {
        "auc": _est(auc, 0.048),
        "log_loss": _est(loss, 0.021),
        "brier": _est(loss / 4, 0.006),
        "average_precision": _est(auc - 0.45, 0.06),
        "lift_at_10pct": _est(auc * 4, 0.6),
        "calibration_slope": _est(0.9 + (auc - 0.7), 0.18),
        "observed_over_expected": _est(1.04, 0.2),
    }


def _contender(name: str, label: str, kind: str, auc: float, loss: float) -> Document:
    caught = round(61 * _share(60, auc))
    return {
        "kind": kind,
        "label": label,
        "walk_forward": _measures(auc - 0.006, loss + 0.003),
        "holdout": _measures(auc, loss),
        "unseen_accounts": {"auc": _est(auc - 0.02, 0.09), "accounts": 180, "events": 14},
        "by_fold": [
            {
                "origin": fold[0],
                "events": fold[5],
                "auc": _est(auc + shift, 0.05),
                "log_loss": _est(loss - shift / 4, 0.02),
            }
            for fold, shift in zip(FOLDS, (-0.018, 0.006, 0.0), strict=True)
        ],
        "at_capacity": {
            "k": 60,
            "caught": caught,
            "of": 61,
            "precision": _est(caught / 200, 0.03),
            "recall": _est(caught / 61, 0.09),
            "lift": _est(auc * 5, 0.7),
        },
        "fit_seconds": 0.02 if kind != "model" else 1.31,
    }


def _share(called: float, auc: float) -> float:
    """Share of churners among the riskiest `called` of 352 accounts of a snapshot."""
    return 1 - (1 - called / 352) ** (auc / (1 - auc))


def _gain(auc: float) -> list[Document]:
    rows = []
    for called in range(0, 181, 10):
        share = _share(called, auc)
        spread = 0.11 * np.sqrt(max(share * (1 - share), 0.0)) * 1.65
        low, high = max(0.0, share - spread), min(1.0, share + spread)
        rows.append({"called": called, "caught": round(share, 4), "low": round(low, 4), "high": round(high, 4)})
    return rows


def _weight_row(identifier: str, label: str, hand: float, candidate: float) -> Document:
    return {
        "id": identifier,
        "label": label,
        "hand": hand,
        "shap_share": round(hand * 0.6 + candidate * 0.55, 1),
        "shap_slope": round(hand * 0.3 + candidate * 0.7, 1),
        "distilled": round(candidate * 0.96 + 0.4, 1),
        "anchored": candidate,
        "candidate": candidate,
        "ci90": [
            round(max(0, candidate - 1 - candidate * 0.12), 1),
            round(candidate + 1 + candidate * 0.12, 1),
        ],
    }


def _curve(rng: np.random.Generator, row: tuple[Any, ...]) -> Document:
    identifier, label, _, unit, _, _, low, high = row
    if identifier == "plan":
        names = ["Free", "Team", "Business", "Enterprise"]
        return {
            "metric": identifier,
            "label": label,
            "unit": unit,
            "kind": "category",
            "missing": {"share": 0.0, "neutral_points": None},
            "hand": [[n, p] for n, p in zip(names, (20, 50, 75, 100), strict=True)],
            "candidate": [[n, p] for n, p in zip(names, (0, 61, 68, 100), strict=True)],
            "band": [[n, max(0, p - 12), min(100, p + 12)] for n, p in zip(names, (0, 61, 68, 100), strict=True)],
            "histogram": {"labels": names, "counts": [140, 480, 390, 190]},
            "shap": [
                {"x": n, "mean": m, "low": m - 0.1, "high": m + 0.1}
                for n, m in zip(names, (0.5, 0.02, -0.05, -0.35), strict=True)
            ],
            "declared": "higher_is_healthier",
            "shape": "declared",
        }
    xs = np.linspace(low, high, 7)
    falling = identifier == "support_tickets"
    rise = 100 / (1 + np.exp(-7 * (np.linspace(0, 1, 7) - 0.35)))
    rise = 100 * (rise - rise[0]) / (rise[-1] - rise[0])
    shape = "flipped" if falling else ("free" if identifier == "csm_touchpoints" else "declared")
    if falling:
        rise = rise[::-1]
    if shape == "free":
        rise = np.array([0, 55, 90, 100, 92, 70, 48.0])
    hand = [[float(low), 0.0], [float(low + 0.6 * (high - low)), 100.0], [float(high), 100.0]]
    if falling:
        hand = [[0.0, 0.0], [10.0, 100.0], [30.0, 100.0]]
    edges = np.linspace(low, high, 21)
    counts = rng.multinomial(1200, rng.dirichlet(2 + 6 * np.exp(-((np.linspace(-1.4, 1.4, 20)) ** 2))))
    grid = np.linspace(low, high, 24)
    effect = -(np.interp(grid, xs, rise) - 55) / 70
    return {
        "metric": identifier,
        "label": label,
        "unit": unit,
        "kind": "numeric",
        "missing": {
            "share": 0.23 if identifier in ("nps", "csat") else 0.0,
            "neutral_points": 41.0 if identifier == "nps" else None,
        },
        "hand": hand,
        "candidate": [[float(x), round(float(y), 1)] for x, y in zip(xs, rise, strict=True)],
        "band": [
            [float(x), round(max(0.0, float(y) - 9), 1), round(min(100.0, float(y) + 9), 1)]
            for x, y in zip(xs, rise, strict=True)
        ],
        "histogram": {"edges": [float(e) for e in edges], "counts": [int(c) for c in counts]},
        "shap": [
            {
                "x": float(x),
                "mean": round(float(m), 3),
                "low": round(float(m) - 0.12, 3),
                "high": round(float(m) + 0.12, 3),
            }
            for x, m in zip(grid, effect, strict=True)
        ],
        "declared": "higher_is_healthier",
        "shape": shape,
    }


def _movers(rng: np.random.Generator, count: int = 40) -> Document:
    bands = ["red", "yellow", "green"]
    cells = [[150, 60, 6], [95, 330, 84], [8, 70, 397]]
    matrix = [
        {"from": bands[i], "to": bands[j], "accounts": cells[i][j], "arr": cells[i][j] * 31_250.0}
        for i in range(3)
        for j in range(3)
    ]
    accounts = []
    for index in range(count):
        points = [round(float(rng.uniform(0.1, 1) * row[5]), 2) for row in METRICS]
        medians = [round(row[5] * 0.62, 2) for row in METRICS]
        to_score = round(sum(points), 1)
        from_score = round(min(100.0, max(0.0, to_score + float(rng.normal(0, 14)))), 1)
        accounts.append(
            {
                "account_id": f"A-{1000 + index}",
                "segment": ["Enterprise", "Mid-Market", "SMB"][index % 3],
                "arr": float(round(240_000 / (1 + index * 0.3), -2)),
                "from_band": bands[(from_score >= 60) + (from_score >= 80)],
                "to_band": bands[(to_score >= 60) + (to_score >= 80)],
                "from_score": from_score,
                "to_score": to_score,
                "churn_probability": round(float(1 / (1 + np.exp((to_score - 30) / 9))), 4),
                "contributions": [
                    {
                        "metric": row[0],
                        "value": round(float(rng.uniform(row[6], row[7])), 2),
                        "points": p,
                        "median_points": m,
                    }
                    for row, p, m in zip(METRICS, points, medians, strict=True)
                ],
            }
        )
    return {"matrix": matrix, "accounts": accounts}


def _bands() -> list[Document]:
    rows = []
    table = {
        "incumbent": [("red", 0, 0.18, 29), ("yellow", 60, 0.44, 24), ("green", 80, 0.38, 8)],
        "candidate": [("red", 0, 0.21, 40), ("yellow", 60, 0.40, 16), ("green", 80, 0.39, 5)],
    }
    for formula, parts in table.items():
        for band, start, share, events in parts:
            accounts = round(1056 * share)
            rate = events / accounts
            rows.append(
                {
                    "formula": formula,
                    "band": band,
                    "from": start,
                    "accounts": accounts,
                    "share": share,
                    "events": events,
                    "rate": round(rate, 4),
                    "ci90": [round(rate * 0.7, 4), round(rate * 1.4, 4)],
                    "arr": accounts * 30_100.0,
                }
            )
    return rows


def _thresholds() -> list[Document]:
    return [
        {
            "band": "green",
            "from": 80,
            "from_raw": 74.2,
            "was": 80,
            "promise": 0.03,
            "bound": 0.0281,
            "accounts": 3120,
            "events": 52,
            "guaranteed": True,
            "observed": {"rate": 0.0121, "ci90": [0.006, 0.023], "accounts": 412, "events": 5},
        },
        {
            "band": "yellow",
            "from": 60,
            "from_raw": 57.9,
            "was": 60,
            "promise": None,
            "bound": None,
            "accounts": 3050,
            "events": 131,
            "guaranteed": False,
            "observed": {"rate": 0.038, "ci90": [0.024, 0.057], "accounts": 422, "events": 16},
        },
        {
            "band": "red",
            "from": 0,
            "from_raw": 0.0,
            "was": 0,
            "promise": 0.15,
            "bound": 0.158,
            "accounts": 1430,
            "events": 290,
            "guaranteed": True,
            "observed": {"rate": 0.18, "ci90": [0.136, 0.231], "accounts": 222, "events": 40},
        },
    ]


def _risk_curve() -> Document:
    def stratum(identifier: str, shift: float) -> Document:
        points = []
        for score in range(0, 101, 5):
            p = 1 / (1 + np.exp((score - 34 - shift) / 11))
            points.append([score, round(float(p), 4), round(float(p * 0.75), 4), round(float(min(1, p * 1.3)), 4)])
        return {"id": identifier, "points": points}

    return {"strata": [stratum("renewal", 8), stratum("no-renewal", -8)]}


def _reliability(rng: np.random.Generator) -> Document:
    out: Document = {}
    for name, bend in (("incumbent", 0.75), ("anchored", 0.98), ("lightgbm", 1.08)):
        rows = []
        for index, p in enumerate((0.008, 0.016, 0.03, 0.05, 0.08, 0.13, 0.21, 0.34)):
            seen = max(0.0, p * bend + float(rng.normal(0, 0.006)) + (1 - bend) * 0.05)
            count = [420, 390, 330, 280, 240, 210, 150, 92][index]
            rows.append(
                {
                    "predicted": p,
                    "observed": round(seen, 4),
                    "low": round(seen * 0.6, 4),
                    "high": round(min(1, seen * 1.5 + 0.008), 4),
                    "rows": count,
                    "events": round(count * seen),
                }
            )
        out[name] = rows
    return out


def _lead_signal(identifier: str, label: str, kind: str, dimension: str | None, index: int) -> Document:
    """A signal whose class goes round all of them; every fourth has too few churned accounts far from the churn."""
    timing = ("leading", "coincident", "weak", "footprint", "none", "not-enough-events")[index % 6]
    heights = {
        "leading": (0.72, 0.70, 0.67, 0.63),
        "coincident": (0.69, 0.66, 0.53, 0.51),
        "weak": (0.57, 0.56, 0.55, 0.54),
        "footprint": (0.71, 0.52, 0.50, 0.51),
        "none": (0.51, 0.49, 0.50, 0.52),
        "not-enough-events": (0.6, None, None, None),
    }[timing]
    against = identifier == "support_tickets"
    sign = -1 if against else 1
    buckets = []
    for (low, high), auc in zip(((0, 30), (30, 60), (60, 90), (90, 180)), heights, strict=True):
        known = auc is not None
        buckets.append(
            {
                "from": low,
                "to": high,
                "events": 96 - high // 4 if known else 14,
                "auc": _est(0.5 + sign * (auc - 0.5), 0.045) if known else {"value": None, "ci90": None},
                "p": 0.004 if known and auc > 0.53 else (0.5 if known else None),
                "significant": bool(known and auc > 0.53),
            }
        )
    depth = -sign * ((heights[0] or 0.5) - 0.5) * 3
    return {
        "id": identifier,
        "label": label,
        "kind": kind,
        "dimension": dimension,
        "direction": "higher_is_healthier",
        "direction_declared": True,
        "declared_leading": (True, False, None)[index % 3],
        "class": timing,
        "against_direction": against,
        "buckets": buckets,
        "study": [
            {
                "from": end - 30,
                "to": end,
                "events": 96 - end // 5,
                "difference": {"value": None, "ci90": None}
                if end == 240
                else _est(depth / (1 + np.exp((end - 110) / 35)), 0.13),
            }
            for end in range(30, 361, 30)
        ],
        "movement": {
            "size": _est(depth, 0.12),
            "half_days": {"value": 102.0, "ci90": [81.0, 139.0]} if timing in ("leading", "coincident") else None,
        },
    }


def _lead_lag() -> Document:
    names = [(m[0], m[1], "metric", m[2]) for m in METRICS if m[0] != "plan"]
    names += [("incumbent", "incumbent", "formula", None), *((d[0], d[1], "dimension", None) for d in DIMENSIONS)]
    return {
        "until": "2017-06-30",
        "accounts": 1080,
        "rows": 11400,
        "churned": 131,
        "sampled": "",
        "clear_days": 180,
        "controls_watched": True,
        "min_events": 20,
        "left_out": [{"id": "plan", "reason": "its text has no declared points"}],
        "signals": [_lead_signal(*name, index) for index, name in enumerate(names)],
        "alert": {
            "band": "red",
            "look_back_days": 360,
            "churned": 118,
            "warned": 71,
            "days": {"q25": 64.0, "median": 121.0, "q75": 203.0},
            "at_least": [
                {"days": 30, "share": _est(0.53, 0.07)},
                {"days": 60, "share": _est(0.44, 0.07)},
                {"days": 90, "share": _est(0.36, 0.07)},
            ],
            "others": _est(0.17, 0.02),
        },
    }


def _to_hundred(rows: list[Document]) -> list[Document]:
    """Each derivation sums to 100, as the evidence document demands."""
    for key in ("hand", "shap_share", "shap_slope", "distilled", "anchored", "candidate"):
        total = sum(row[key] for row in rows)
        for row in rows:
            row[key] = round(row[key] * 100 / total, 2)
    return rows


def _effect(held: float, treated: float, low: float, high: float) -> Document:
    return {
        "held": _est(held, 0.05),
        "treated": _est(treated, 0.03),
        "risk_difference": {"value": round(treated - held, 4), "ci90": [low, high]},
        "relative_reduction": _est(1 - treated / held, 0.3),
        "established": high < 0,
        "sentence": "fewer churned.",
    }


def _interventions() -> Document:
    def arms(held: int, lost: int, treated: int, left: int) -> Document:
        counts = (
            ("held_accounts", held),
            ("held_events", lost),
            ("held_coins", held),
            ("held_churned_coins", lost),
            ("treated_accounts", treated),
            ("treated_events", left),
            ("treated_coins", treated),
            ("treated_churned_coins", left),
        )
        return dict(counts)

    shares = [
        {
            "band": band,
            "period": period,
            "accounts": 400,
            "treated_accounts": 90,
            "snapshots": 1000,
            "treated_snapshots": treated,
            "share": treated / 1000,
        }
        for band, quarters in (("red", (310, 280, 420)), ("yellow", (90, 120, 60)), ("green", (2, 0, 1)))
        for period, treated in zip(("all", "2017Q1", "2017Q2"), quarters, strict=True)
    ]
    plain = {
        name: _est(value, 0.05)
        for name, value in (("auc", 0.71), ("calibration_slope", 0.8), ("observed_over_expected", 0.62))
    }
    weighted = {
        name: _est(value, 0.06)
        for name, value in (("auc", 0.78), ("calibration_slope", 1.02), ("observed_over_expected", 0.95))
    }
    unneeded = {"obstacle": "Propensities are known; the weighted figures need fewer assumptions."}
    scores = {"plain": plain, "weighted": {"obstacle": None, **weighted}, "treatment_term": unneeded}
    known = {
        "beyond": _est(0.55, 0.2),
        "other": _est(1.04, 0.2),
        "contrast": _est(0.53, 0.2),
        "found": True,
        "obstacle": None,
    }
    nothing = {name: {"value": None, "ci90": None} for name in ("beyond", "other", "contrast")}
    too_old = {
        "found": False,
        "obstacle": "Before 'training' began on 2016-01-31, 0 churned accounts had been settled.",
    }
    bands = [
        {
            "band": "red",
            **arms(80, 16, 240, 24),
            "effect": _effect(0.2, 0.1, -0.18, -0.02),
            "more_accounts": None,
            "sentence": ".",
        },
        {"band": "yellow", **arms(40, 2, 60, 2), "effect": None, "more_accounts": 5042, "sentence": "."},
    ]
    return {
        "file": "interventions.csv",
        "estimand": "risk under current care",
        "untreated_estimand": "risk if nobody intervened",
        "entries": 420,
        "used": 420,
        "treatments": 300,
        "held_out": 120,
        "unknown_accounts": 0,
        "assumptions": {
            "plain": "None.",
            "weighted": "Propensities are those that decided.",
            "treatment_term": "Chosen by score alone.",
        },
        "shares": shares,
        "drops": [
            {"kind": "adoption call", "began": "2016-09-01", **known},
            {"kind": "training", "began": "2016-01-31", **nothing, **too_old},
        ],
        "evaluation": {
            "rows": "holdout",
            "weights": {"usable": True},
            "scores": {"incumbent": scores, "candidate": scores},
        },
        "randomised": {
            "effects": [
                {"kind": "adoption call", **arms(120, 18, 300, 26), **_effect(0.15, 0.09, -0.12, -0.01), "bands": bands}
            ],
            "sentence": None,
            "warnings": [],
        },
        "warnings": [
            "42% of the snapshots in band red of 2017Q2 were followed by a treatment inside their outcome window."
        ],
    }


def full() -> Document:
    """Point-in-time evidence of a review that ends in `promote`."""
    rng = np.random.default_rng(20180331)
    metric_rows = [
        _weight_row(m[0], m[1], m[4], m[5])
        | {
            "dimension": m[2],
            "selection_rate": round(float(rng.uniform(0.55, 1)), 2),
            "direction_agreement": round(float(rng.uniform(0.6, 1)), 2),
        }
        for m in METRICS
    ]
    return {
        "schema": 1,
        "interventions": _interventions(),
        "project": {
            "name": "Acme Cloud",
            "churnbench_version": "0.1.0",
            "created": "2018-04-02T17:52:00",
            "seed": 7,
        },
        "claim_level": "point-in-time",
        "data": {
            "accounts": 1200,
            "rows": 14812,
            "events": 214,
            "snapshots": 24,
            "base_rate": 0.0412,
            "first_as_of": "2016-01-31",
            "last_as_of": "2017-12-31",
            "data_through": "2018-03-31",
            "excluded": {"too-late": 61, "immature": 2100, "ineligible": 930},
            "fingerprint": "sha256:" + "4f" * 32,
        },
        "label": {"gap_days": 14, "horizon_days": 90, "settle_days": 6},
        "folds": [
            dict(
                zip(
                    ("origin", "test_from", "test_until", "train_rows", "test_rows", "test_events", "role"),
                    fold,
                    strict=True,
                )
            )
            | {"train_until": "2016-09-12"}
            for fold in FOLDS
        ],
        "contenders": {row[0]: _contender(*row) for row in CONTENDERS},
        "verdict": "promote",
        "verdict_sentence": "Promote the candidate: on the last two quarters it ranks churn better than today's formula.",
        "verdict_reason": "Log loss falls from 0.231 to 0.209 on 61 churned accounts never used before; the difference of 0.022 has a 90 % interval of 0.011 to 0.034.",
        "delta_log_loss": {"value": 0.022, "ci90": [0.011, 0.034]},
        "gate": {
            "primary": "log_loss",
            "margin": 0.0025,
            "null_log_loss": 0.2487,
            "holdout_events": 61,
            "events_needed": 38,
            "guards": [
                {"id": "calibration-slope", "ok": True, "detail": "Slope 0.98 (0.81 to 1.16)."},
                {"id": "worst-segment", "ok": True, "detail": "SMB improves by 0.011."},
                {"id": "precision-at-capacity", "ok": True, "detail": "23 of 61 caught, was 14."},
            ],
            "unlocks": 1,
            "candidate": "anchored",
            "derive": "anchored",
            "tier": "150-499 events: boosting, segments",
        },
        "thresholds": _thresholds(),
        "bands": _bands(),
        "band_check": {"sum_share_times_rate": 0.0578, "base_rate": 0.0578, "ok": True},
        "segments": [
            {
                "segment": s,
                "accounts": a,
                "events": e,
                "base_rate": b,
                "pooled_rate": p,
                "raw": raw,
                "auc": {"incumbent": _est(i, 0.08), "candidate": _est(c, 0.07)},
                "delta_log_loss": _est(d, 0.012),
            }
            for s, a, e, b, p, raw, i, c, d in (
                ("Enterprise", 180, 6, 0.033, 0.036, True, 0.69, 0.77, 0.018),
                ("Mid-Market", 420, 19, 0.045, 0.045, True, 0.72, 0.8, 0.024),
                ("SMB", 600, 36, 0.06, 0.058, True, 0.71, 0.79, 0.021),
                ("Public sector", 24, 2, 0.083, 0.052, False, 0.6, 0.62, 0.001),
            )
        ],
        "weights": {
            "dimensions": _to_hundred([_weight_row(*d) for d in DIMENSIONS]),
            "metrics": _to_hundred(metric_rows),
        },
        "curves": [_curve(rng, m) for m in METRICS],
        "direction_changes": [
            {
                "metric": "support_tickets",
                "declared": "higher_is_healthier",
                "proposed": "lower_is_healthier",
                "statistic": 31.4,
                "needed": 10.0,
                "design_effect": 2.1,
                "detail": "Accounts with more than 12 tickets in 90 days churn 2.4 times as often; more tickets were declared healthier.",
            }
        ],
        "constraints": [
            {
                "id": "shapes: audited against free",
                "setting": "audited",
                "active": True,
                "price_auc": 0.0021,
                "price_log_loss": 0.0006,
            },
            {
                "id": "max_metric_share",
                "setting": "0.25",
                "active": False,
                "price_auc": 0.0,
                "price_log_loss": 0.0,
            },
        ],
        "missing_policies": [
            {"policy": "learned neutral value", "auc": 0.793, "log_loss": 0.209},
            {"policy": "skip (declared)", "auc": 0.79, "log_loss": 0.2102},
            {"policy": "worst", "auc": 0.771, "log_loss": 0.2161},
        ],
        "risk_curve": _risk_curve(),
        "reliability": _reliability(rng),
        "lead_lag": _lead_lag(),
        "gain": {"incumbent": _gain(0.712), "anchored": _gain(0.793), "lightgbm": _gain(0.801)},
        "movers": _movers(rng),
        "drift": {
            "train_base_rate": 0.041,
            "holdout_base_rate": 0.0578,
            "sentence": "Churn rose from 4.1 % to 5.8 % between training and holdout. Ranking holds; probabilities are too low by a third. Recalibrate the intercept.",
        },
        "caveats": [
            {
                "target": "Accuracy above 85 %",
                "sentence": "Accuracy is 94.4 %. A formula that flags nobody has 94.2 %. See precision at capacity instead.",
            },
            {
                "target": "Correlation above 0.6",
                "sentence": "At a base rate of 5.8 % the largest possible correlation is 0.50. See AUC by lead time instead.",
            },
        ],
        "checks": [
            {
                "id": "split-audit",
                "severity": "ok",
                "detail": "No training label ends after its test starts.",
                "allowed": None,
            },
            {
                "id": "single-feature-auc:support_tickets",
                "severity": "review",
                "detail": "Alone it reaches AUC .86; look at when tickets are written.",
                "allowed": None,
            },
            {
                "id": "target-permutation",
                "severity": "ok",
                "detail": "Mean AUC .501 over 20 refits.",
                "allowed": None,
            },
        ],
        "warnings": ["Segment Public sector has 24 accounts; its figures are pooled."],
        "seconds": {"read": 0.41, "features": 1.9, "backtest": 11.2, "calibration": 6.3, "model_fits": 7.7},
        "mlflow_run_id": "9f1c2ab3d4e5f60718293a4b5c6d7e8f",
    }


def cross_sectional() -> Document:
    """One table without dates: what needs dates is null."""
    evidence = full()
    evidence |= {
        "claim_level": "cross-sectional",
        "label": None,
        "drift": None,
        "interventions": None,
        "lead_lag": None,
        "verdict": "keep-equivalent",
        "verdict_sentence": None,
        "verdict_reason": None,
    }
    evidence["data"] |= {"snapshots": None, "first_as_of": None, "last_as_of": None, "data_through": None}
    evidence["folds"] = [
        {
            "origin": None,
            "train_until": None,
            "test_from": None,
            "test_until": None,
            "train_rows": 960,
            "test_rows": 240,
            "test_events": 41,
            "role": "cross-validation",
        }
        for _ in range(5)
    ]
    for entry in evidence["contenders"].values():
        entry |= {"walk_forward": None, "unseen_accounts": None}
        for fold in entry["by_fold"]:
            fold["origin"] = None
    for account in evidence["movers"]["accounts"]:
        account["arr"] = None
    for cell in evidence["movers"]["matrix"]:
        cell["arr"] = None
    return evidence


def not_enough() -> Document:
    """A review that cannot decide."""
    evidence = full()
    evidence |= {
        "verdict": "not-enough-evidence",
        "verdict_sentence": "Not enough evidence yet: today's formula stays.",
        "verdict_reason": "The candidate looks better by 0.006, but the interval (-0.004 to 0.016) includes no difference. With 31 churned accounts in the holdout this cannot be settled; about 70 would.",
        "delta_log_loss": {"value": 0.006, "ci90": [-0.004, 0.016]},
        "direction_changes": [],
    }
    evidence["gate"] |= {"holdout_events": 31, "events_needed": 70, "unlocks": 3}
    for row in evidence["thresholds"]:
        row |= {"guaranteed": False, "bound": None}
    return evidence


def blocked() -> Document:
    """A review that a leakage check stopped: checks only."""
    return {
        "schema": 1,
        "verdict": "blocked",
        "checks": [
            {
                "id": "lead-cliff:admin_exports",
                "severity": "block",
                "detail": "Column admin_exports alone almost predicts churn in the last 25 days before it happens (AUC .96) and nothing earlier (.51). It looks like a footprint of leaving, not a warning. To keep it, write the reason under [checks.allow].",
                "allowed": None,
            }
        ],
    }


def hostile() -> Document:
    """Names that try to become markup, script or layout."""
    evidence = copy.deepcopy(full())
    attack = "<script>document.title='pwned'</script>"
    evidence["project"]["name"] = attack
    evidence["weights"]["dimensions"][0]["label"] = attack
    evidence["weights"]["metrics"][0]["label"] = "<img src=x onerror=\"document.title='pwned'\">"
    evidence["curves"][0]["label"] = attack
    evidence["curves"][0]["unit"] = "</text></svg><script>document.title='pwned'</script>"
    evidence["movers"]["accounts"][0]["account_id"] = attack
    evidence["movers"]["accounts"][1]["account_id"] = "A" * 4000
    evidence["movers"]["accounts"][2]["account_id"] = "\"><a href=javascript:document.title='pwned'>x</a>"
    evidence["movers"]["accounts"][3]["account_id"] = "{{ 7 * 7 }}"
    evidence["segments"][0]["segment"] = "javascript:alert(1) ' onload='x"
    evidence["checks"][0]["detail"] = attack
    evidence["contenders"]["logistic"]["label"] = attack
    evidence["lead_lag"]["signals"][0] |= {"label": attack, "class": attack}
    evidence["lead_lag"]["sampled"] = attack
    evidence["lead_lag"]["alert"]["band"] = attack
    care = evidence["interventions"]
    care["shares"][0]["band"] = care["drops"][0]["kind"] = care["randomised"]["effects"][0]["kind"] = attack
    care["drops"][1]["obstacle"] = care["warnings"][0] = f"Since '{attack}' began"
    care["shares"][1]["period"] = "<img src=x>"
    evidence["thresholds"][0]["band"] = "gr\"een' onmouseover='x"
    evidence["warnings"].append("\u202eright to left \x00 nul \x1b[31m")
    return evidence


def empty_lists() -> Document:
    """Every list empty, every mapping empty."""
    evidence = full()
    return {
        key: ([] if isinstance(value, list) else {} if isinstance(value, dict) else value)
        for key, value in evidence.items()
    }


def wide() -> Document:
    """Thirty metrics and two hundred movers: the page's size limit is tested on it."""
    evidence = full()
    rng = np.random.default_rng(1)
    for index in range(14):
        copy_of = METRICS[index % 12]
        row = (f"extra_{index}", f"Extra metric {index}", *copy_of[2:])
        evidence["curves"].append(_curve(rng, row))
        evidence["weights"]["metrics"].append(
            _weight_row(row[0], row[1], 1.0, 1.4)
            | {"dimension": copy_of[2], "selection_rate": 0.7, "direction_agreement": 0.8}
        )
    evidence["movers"] = _movers(rng, 200)
    return evidence
