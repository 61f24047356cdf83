"""The chain of relations that a query is made of: each adds columns to the one before.

account -> numbers and texts -> metric points (materialised) -> dimensions -> total -> score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from churnbench.export.sql_text import Writer
from churnbench.formula import Body
from churnbench_scorer.plan import HIGHEST, LOWEST, fallback_points

#: Below every possible number of points (rounding can reach -1e-14): `x >= -1` means "x is not NULL".
_ANY_POINTS = -1.0


class Relations:
    """Builds the relations of one query.

    Attributes:
        last: name of the relation built last.
    """

    def __init__(self, body: Body, kinds: Mapping[str, str], writer: Writer, prefix: str) -> None:
        self._body, self._kinds, self._write, self._prefix = body, kinds, writer, prefix
        self._steps: list[str] = []
        self.last = ""
        self._slot = {name: f"i{position}" for position, name in enumerate(kinds)}
        self._fallback = {metric["id"]: fallback_points(metric) for metric in body["metrics"]}
        self._points = {metric["id"]: f"v{position}" for position, metric in enumerate(body["metrics"])}

    def sql(self) -> str:
        """The WITH clause."""
        return "WITH " + ",\n".join(self._steps)

    def read(self, table: str | Sequence[str], account_id: str, columns: Mapping[str, str]) -> None:
        """Cast the inputs, then make NULL of numbers that count as missing."""
        w = self._write
        cast = [f"{w.name(account_id)} AS account_id"]
        for name, kind in self._kinds.items():
            column = w.name(columns.get(name, name))
            cast.append(f"{(w.as_text if kind == 'category' else w.as_double)(column)} AS {self._raw(name)}")
        self._add("input", f"SELECT {', '.join(cast)} FROM {w.table(table)}")
        present = ["account_id"]
        for name, kind in self._kinds.items():
            raw = self._raw(name)
            value = raw if kind == "category" else f"CASE WHEN {w.within(raw, LOWEST, HIGHEST)} THEN {raw} END"
            present.append(f"{value} AS {self._slot[name]}")
        self._add("present", f"SELECT {', '.join(present)} FROM {self.last}")
        self._ratios()

    def metrics(self) -> None:
        """Points of every metric before its missing policy, and the weights of the row's profile."""
        added = {self._points[metric["id"]]: self._metric(metric) for metric in self._body["metrics"]}
        segments = self._body["segments"]
        for position, (name, weight) in enumerate(segments["default"]):
            expression = self._write.number(weight)
            if segments["by"]:
                table = [(entry["segment"], dict(entry["weights"])[name]) for entry in segments["by"]]
                expression = self._write.by_text(self._slot[segments["input"]], table, weight)
            added[f"w{position}"] = expression
        self._extend("metric", added, materialised=True)

    def dimensions(self) -> None:
        """Weighted sums of each dimension, then its mean `d`, NULL when nothing of it counts."""
        w = self._write
        sums: dict[str, str] = {}
        for position, dimension in enumerate(self._body["dimensions"]):
            counted, weights, seen = [], [], []
            for name, basis_points in dimension["weights"]:
                points, weight, zero = self._points[name], w.number(basis_points), w.number(0)
                here = f"CASE WHEN {points} >= {w.number(_ANY_POINTS)} THEN {weight} ELSE {zero} END"
                fallback = self._fallback[name]
                if fallback is None:
                    counted.append(f"COALESCE({weight} * {points}, {zero})")
                    weights.append(here)
                else:
                    counted.append(f"{weight} * COALESCE({points}, {w.number(fallback)})")
                    weights.append(weight)
                seen.append(here)
            sums[f"n{position}"] = " + ".join(counted)
            sums[f"p{position}"] = " + ".join(weights)
            sums[f"s{position}"] = " + ".join(seen)
        self._extend("sums", sums)
        means = {
            f"d{position}": f"CASE WHEN {w.number(0)} < p{position} THEN n{position} / p{position} END"
            for position in range(len(self._body["dimensions"]))
        }
        self._extend("dimension", means)

    def total(self) -> None:
        """Health score in hundredths, coverage and risk."""
        w, count = self._write, len(self._body["dimensions"])
        zero = w.number(0)
        any_points = w.number(_ANY_POINTS)
        self._extend(
            "weighted",
            {
                "total_points": " + ".join(f"COALESCE(w{k} * d{k}, {zero})" for k in range(count)),
                "total_weight": " + ".join(
                    f"CASE WHEN d{k} >= {any_points} THEN w{k} ELSE {zero} END" for k in range(count)
                ),
                "covered": " + ".join(f"w{k} * s{k}" for k in range(count)),
            },
        )
        least = w.number(self._body["min_coverage"] * 10000)
        enough = f"{zero} < total_weight AND covered >= {least}"
        self._extend(
            "mean",
            {
                "total": f"CASE WHEN {enough} THEN total_points / total_weight END",
                "coverage": w.rounded("covered", 0.0001),
            },
        )
        raw = self._caps(self._ramp("total"))
        shown = self._body.get("display_map")
        score = {"shown": w.curve(raw, shown["points"], shown["slopes"]) if shown else raw}
        if (self._body.get("risk_curve") or {"strata": []})["strata"]:
            score["probability"] = self._risk(raw)
        self._extend("shown", score)
        final = {"health": w.rounded("shown", 100.0)}
        if "probability" in score:
            final["risk"] = f"{w.rounded('probability', 1000000.0)} * {w.number(0.000001)}"
        self._extend("score", final)
        self._bands()

    def _bands(self) -> None:
        """Band by thresholds, then the band in force where hysteresis holds it; positions, NULL without a score."""
        w = self._write
        names, starts = [name for name, _ in self._body["bands"]], [start for _, start in self._body["bands"]]
        positions = list(range(len(names)))
        steps = [f"WHEN health >= {w.number(starts[k])} THEN {w.number(k)}" for k in reversed(positions)]
        found = {"reading": f"CASE {' '.join(steps)} END"}
        hysteresis = self._body.get("hysteresis")
        if not hysteresis:
            self._extend("banded", found)
            return

        def of(column: str, values: Sequence[float]) -> str:
            return w.by_text(column, list(zip(names, values, strict=True)), None)

        held, margin = self._slot[hysteresis["input"]], hysteresis["margin"]
        found["held"] = of(held, positions)
        found["held_from"] = of(held, [start - margin for start in starts])
        found["held_to"] = of(held, [start + margin for start in starts[1:]] + [HIGHEST])
        stays = ["health >= held_from AND health < held_to"]
        if hysteresis.get("reading") is not None:
            found["last_reading"] = of(self._slot[hysteresis["reading"]], positions)
            stays.append("last_reading = held")
            stays.append("last_reading < held AND held < reading")
            stays.append("held < last_reading AND reading < held")
        self._extend("readings", found)
        kept = " ".join(f"WHEN {case} THEN held" for case in stays)
        in_force = f"CASE WHEN health >= {w.number(0)} THEN CASE {kept} ELSE reading END END"
        self._extend("banded", {"in_force": in_force})

    @property
    def band(self) -> str:
        """Column with the position of the band that is shown."""
        return "in_force" if self._body.get("hysteresis") else "reading"

    def _ratios(self) -> None:
        w = self._write
        divided: dict[str, str] = {}
        clipped: dict[str, str] = {}
        for metric in self._body["metrics"]:
            rule = metric["rule"]
            if rule["kind"] == "ratio":
                name = f"q{self._points[metric['id']]}"
                top, bottom = self._slot[metric["input"]], self._slot[rule["denominator"]]
                ratio = f"{top} / {bottom} * {w.number(rule['multiplier'])}"
                divided[name] = f"CASE WHEN {w.number(0)} < {bottom} THEN {ratio} END"
                low, high = w.number(rule["low"]), w.number(rule["high"])
                clipped[f"r{name}"] = (
                    f"CASE WHEN {name} < {low} THEN {low} WHEN {name} >= {high} THEN {high} ELSE {name} END"
                )
        if divided:
            self._extend("ratio", divided)
            self._extend("clipped", clipped)

    def _metric(self, metric: Mapping[str, Any]) -> str:
        w, rule, x = self._write, metric["rule"], self._slot[metric["input"]]
        if rule["kind"] in ("piecewise", "ratio"):
            x = x if rule["kind"] == "piecewise" else f"rq{self._points[metric['id']]}"
            points = w.curve(x, rule["points"], rule["slopes"])
        elif rule["kind"] == "boolean":
            half, yes, no = w.number(0.5), w.number(rule["true"]), w.number(rule["false"])
            points = f"CASE WHEN {x} >= {half} THEN {yes} WHEN {x} < {half} THEN {no} END"
        else:
            points = w.by_text(x, rule["map"], None)
        validity = metric.get("validity")
        if validity and validity["then"] == "missing":
            age = self._slot[validity["input"]]
            points = f"CASE WHEN {w.number(validity['days'])} < {age} THEN NULL ELSE {points} END"
        return points

    def _ramp(self, total: str) -> str:
        ramp, w = self._body.get("ramp"), self._write
        if not ramp:
            return total
        multiplier = w.curve(self._slot[ramp["input"]], ramp["points"], ramp["slopes"])
        self._extend("ramp", {"raised": f"{total} * {multiplier}"})
        full = w.number(100)
        held = f"CASE WHEN raised < {full} THEN raised WHEN raised >= {full} THEN {full} ELSE {total} END"
        self._extend("ramped", {"ramped": held})
        return "ramped"

    def _caps(self, raw: str) -> str:
        w = self._write
        for position, cap in enumerate(self._body.get("caps", ())):
            value = w.string(cap["value"]) if cap["op"] == "=" else w.number(cap["value"])
            holds = f"{self._slot[cap['input']]} {cap['op']} {value}"
            most = w.number(cap["max_score"])
            capped = f"CASE WHEN {holds} AND {most} < {raw} THEN {most} ELSE {raw} END"
            raw = f"capped{position}"
            self._extend(raw, {raw: capped})
        return raw

    def _risk(self, raw: str) -> str:
        w, curve = self._write, self._body["risk_curve"]
        branches = []
        for stratum in curve["strata"][:-1]:
            low, high = stratum.get("from"), stratum.get("to")
            bounds = (LOWEST if low is None else low), (HIGHEST if high is None else high)
            holds = w.within(self._slot[curve["input"]], *bounds)
            branches.append(f"WHEN {holds} THEN {w.curve(raw, stratum['points'], stratum['slopes'])}")
        default = curve["strata"][-1]
        last = w.curve(raw, default["points"], default["slopes"])
        return f"CASE {' '.join(branches)} ELSE {last} END" if branches else last

    def _raw(self, name: str) -> str:
        return f"c{self._slot[name]}"

    def _extend(self, name: str, added: Mapping[str, str], *, materialised: bool = False) -> None:
        columns = ",\n  ".join(f"{expression} AS {column}" for column, expression in added.items())
        self._add(name, f"SELECT *,\n  {columns}\nFROM {self.last}", materialised=materialised)

    def _add(self, name: str, query: str, *, materialised: bool = False) -> None:
        self.last = self._prefix + name
        kept = " MATERIALIZED" if materialised or self._write.dialect.materialise_all else ""
        self._steps.append(f"{self.last} AS{kept} (\n{query})")
