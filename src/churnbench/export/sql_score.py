"""From points to the score: dimensions, total, ramp, caps, display map, risk and band."""

from __future__ import annotations

from collections.abc import Sequence

from churnbench.export.sql_metrics import ANY_POINTS, Query
from churnbench_scorer import INSUFFICIENT
from churnbench_scorer.plan import HIGHEST, LOWEST


def dimension_means(query: Query) -> None:
    """Weighted sums of each dimension, then its mean `d`, NULL when nothing of it counts."""
    w, zero = query.write, query.write.number(0)
    sums: dict[str, str] = {}
    for position, dimension in enumerate(query.body["dimensions"]):
        counted, weights, seen = [], [], []
        for name, basis_points in dimension["weights"]:
            points, weight, fallback = query.points[name], w.number(basis_points), query.fallback[name]
            here = f"CASE WHEN {points} >= {w.number(ANY_POINTS)} THEN {weight} ELSE {zero} END"
            if fallback is None:
                counted.append(f"COALESCE({weight} * {points}, {zero})")
                weights.append(here)
            else:
                counted.append(f"{weight} * COALESCE({points}, {w.height(fallback)})")
                weights.append(weight)
            seen.append(here)
        sums[f"n{position}"] = " + ".join(counted)
        sums[f"p{position}"] = " + ".join(weights)
        sums[f"s{position}"] = " + ".join(seen)
    query.chain.add("sums", sums)
    means = {f"d{k}": f"CASE WHEN {zero} < p{k} THEN n{k} / p{k} END" for k in range(len(query.body["dimensions"]))}
    query.chain.add("dimension", means)


def total_score(query: Query) -> None:
    """The total and its coverage; `total` is NULL without a score."""
    w, zero, dimensions = query.write, query.write.number(0), range(len(query.body["dimensions"]))
    any_points = w.number(ANY_POINTS)
    query.chain.add(
        "weighted",
        {
            "total_points": " + ".join(f"COALESCE(w{k} * d{k}, {zero})" for k in dimensions),
            "total_weight": " + ".join(f"CASE WHEN d{k} >= {any_points} THEN w{k} ELSE {zero} END" for k in dimensions),
            "covered": " + ".join(f"w{k} * s{k}" for k in dimensions),
        },
    )
    enough = f"{zero} < total_weight AND covered >= {w.number(query.body['min_coverage'] * 10000)}"
    mean = f"CASE WHEN {enough} THEN total_points / total_weight END"
    query.chain.add("mean", {"total": mean, "coverage": w.rounded("covered", 0.0001)})


def health_score(query: Query) -> None:
    """`raw`, `health`, `risk`, `reading` and `band` (positions), each NULL without a score."""
    w, body = query.write, query.body
    raw = _capped(query, _ramped(query))
    query.chain.add("raw", {"raw_score": raw})
    shown, strata = body.get("display_map"), (body.get("risk_curve") or {"strata": []})["strata"]
    score = {"shown": w.curve("raw_score", shown["points"], shown["slopes"]) if shown else "raw_score"}
    if strata:
        score["probability"] = _risk(query)
    query.chain.add("shown", score)
    final = {"health": w.rounded("shown", 100.0), "risk": w.as_double("NULL")}
    if strata:
        final["risk"] = f"{w.rounded('probability', 1000000.0)} * {w.number(0.000001)}"
    query.chain.add("score", final)
    _bands(query)


def cap_holds(query: Query, position: int) -> str:
    """Condition that an input meets a cap; not true where it is missing."""
    cap = query.body["caps"][position]
    value = query.slot[cap["input"]]
    if cap["op"] == "=":
        return query.write.is_text(value, cap["value"])
    return f"{value} {cap['op']} {query.write.number(cap['value'])}"


def band_name(query: Query, position: str) -> str:
    """The name of a band from the column of its position."""
    w = query.write
    branches = " ".join(
        f"WHEN {position} = {w.number(place)} THEN {w.string(name)}"
        for place, (name, _) in enumerate(query.body["bands"])
    )
    return f"CASE {branches} ELSE {w.string(INSUFFICIENT)} END"


def _ramped(query: Query) -> str:
    ramp, w = query.body.get("ramp"), query.write
    if not ramp:
        return "total"
    multiplier = w.curve(query.slot[ramp["input"]], ramp["points"], ramp["slopes"])
    query.chain.add("ramp", {"raised": f"total * {multiplier}"})
    full = w.number(100)
    held = f"CASE WHEN raised < {full} THEN raised WHEN raised >= {full} THEN {full} ELSE total END"
    query.chain.add("ramped", {"ramped": held})
    return "ramped"


def _capped(query: Query, raw: str) -> str:
    for position, cap in enumerate(query.body.get("caps", ())):
        most = query.write.number(cap["max_score"])
        lowered = f"CASE WHEN {cap_holds(query, position)} AND {most} < {raw} THEN {most} ELSE {raw} END"
        raw = f"capped{position}"
        query.chain.add(raw, {raw: lowered})
    return raw


def _risk(query: Query) -> str:
    w, curve = query.write, query.body["risk_curve"]
    branches = []
    for stratum in curve["strata"][:-1]:
        low, high = stratum.get("from"), stratum.get("to")
        bounds = (LOWEST if low is None else low), (HIGHEST if high is None else high)
        holds = w.within(query.slot[curve["input"]], *bounds)
        branches.append(f"WHEN {holds} THEN {w.curve('raw_score', stratum['points'], stratum['slopes'])}")
    default = curve["strata"][-1]
    last = w.curve("raw_score", default["points"], default["slopes"])
    return f"CASE {' '.join(branches)} ELSE {last} END" if branches else last


def _bands(query: Query) -> None:
    """Band by thresholds, then the band in force where hysteresis holds it."""
    w, body = query.write, query.body
    names, starts = [name for name, _ in body["bands"]], [start for _, start in body["bands"]]
    positions = list(range(len(names)))
    steps = [f"WHEN health >= {w.number(starts[k])} THEN {w.number(k)}" for k in reversed(positions)]
    found = {"reading": f"CASE {' '.join(steps)} END"}
    hysteresis = body.get("hysteresis")
    if not hysteresis:
        query.chain.add("readings", found)
        query.chain.add("banded", {"band": "reading"})
        return

    def of(column: str, values: Sequence[float]) -> str:
        return w.by_text(column, list(zip(names, values, strict=True)), None)

    held, margin = query.slot[hysteresis["input"]], hysteresis["margin"]
    found["held"] = of(held, positions)
    found["held_from"] = of(held, [start - margin for start in starts])
    found["held_to"] = of(held, [start + margin for start in starts[1:]] + [HIGHEST])
    stays = ["health >= held_from AND health < held_to"]
    if hysteresis.get("reading") is not None:
        found["last_reading"] = of(query.slot[hysteresis["reading"]], positions)
        stays.append("last_reading = held")
        stays.append("last_reading < held AND held < reading")
        stays.append("held < last_reading AND reading < held")
    query.chain.add("readings", found)
    kept = " ".join(f"WHEN {case} THEN held" for case in stays)
    query.chain.add("banded", {"band": f"CASE WHEN health >= {w.number(0)} THEN CASE {kept} ELSE reading END END"})
