"""What differs between two weight configs, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from churnbench.export import Document
from churnbench.release import parts

#: Curves that stay within so many points of each other count as the same.
CURVE_POINTS = 1.0
RISK_AT = (20, 40, 60, 80)
#: Optional parts of a body that are compared as a whole.
_WHOLE = ("ramp", "hysteresis")


@dataclass(frozen=True)
class Change:
    """One thing that differs. `before` or `after` is None where it does not exist.

    Attributes:
        what: kind, e.g. "dimension weight", "curve", "cap".
        name: id of the metric, dimension, band, ...
        before, after: values; weights in per cent of the score, points 0-100, bands in points, risks 0-1.
        at: where, for curves and risks: x or score.
        of: what it belongs to: the segment of a weight, the stratum of a risk.
    """

    what: str
    name: str
    before: Any
    after: Any
    at: float | str | None = None
    of: str | None = None


@dataclass(frozen=True)
class Differences:
    """Two configs side by side.

    Attributes:
        before, after: config_id, config_version, sequence, body_sha256.
        changes: everything that differs, in the order of a body.
        metrics: `(id, share before, share after)` of every metric, per cent of the score, None where it is absent.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    changes: tuple[Change, ...]
    metrics: tuple[tuple[str, float | None, float | None], ...]

    @property
    def same_body(self) -> bool:
        """Whether both give the same scores to every account."""
        return bool(self.before["body_sha256"] == self.after["body_sha256"])

    def of(self, what: str) -> list[Change]:
        """Changes of one kind."""
        return [change for change in self.changes if change.what == what]

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self) | {"same_body": self.same_body}


def differences(before: Document, after: Document) -> Differences:
    """Compare two documents; what is the same in both is left out.

    Args:
        before: a checked document.
        after: another, of the same or another line of configs.
    """
    shares = (parts.metric_shares(before), parts.metric_shares(after))
    names = list(dict.fromkeys([*shares[0], *shares[1]]))
    changes = [
        *_inputs(before, after),
        *_weights(before, after),
        *_metrics(before, after),
        *_bands(before, after),
        *_by_id("cap", before["body"].get("caps", ()), after["body"].get("caps", ())),
        *_whole(before["body"], after["body"]),
        *_display(before["body"], after["body"]),
        *_risks(before, after),
        *_by_id("trigger", before["body"].get("triggers", ()), after["body"].get("triggers", ())),
    ]
    compared = tuple((name, shares[0].get(name), shares[1].get(name)) for name in names)
    return Differences(_identity(before), _identity(after), tuple(changes), compared)


def _identity(document: Document) -> dict[str, Any]:
    named = {name: document[name] for name in ("config_id", "config_version", "sequence")}
    return named | {"body_sha256": document["integrity"]["body_sha256"]}


def _pairs(what: str, before: Mapping[Any, Any], after: Mapping[Any, Any], of: str | None = None) -> list[Change]:
    """Changes between two mappings, keys of the first in front."""
    names = dict.fromkeys([*before, *after])
    return [
        Change(what, str(name), before.get(name), after.get(name), of=of)
        for name in names
        if before.get(name) != after.get(name)
    ]


def _read(what: str, part: Callable[[Document], Mapping[Any, Any]], before: Document, after: Document) -> list[Change]:
    """Changes between the same part of two documents."""
    return _pairs(what, part(before), part(after))


def _inputs(before: Document, after: Document) -> list[Change]:
    return _read("input", lambda one: {entry["id"]: entry["type"] for entry in one["inputs"]}, before, after)


def _weights(before: Document, after: Document) -> list[Change]:
    """Dimension weights by segment (a segment without its own profile has the default one), then metric shares."""
    old, new = parts.profiles(before), parts.profiles(after)
    found = []
    for segment in dict.fromkeys([*old, *new]):
        found += _pairs("dimension weight", old.get(segment, old[None]), new.get(segment, new[None]), of=segment)
    found += _read("segment input", lambda one: {"segment": one["body"]["segments"]["input"]}, before, after)
    found += _pairs("metric weight", parts.metric_shares(before), parts.metric_shares(after))
    moved = _read("dimension of", parts.dimension_of, before, after)
    return found + [change for change in moved if None not in (change.before, change.after)]


def _metrics(before: Document, after: Document) -> list[Change]:
    old, new = parts.metrics(before), parts.metrics(after)
    found: list[Change] = []
    describe: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "source": parts.source,
        "direction": parts.direction,
        "missing": parts.missing_policy,
    }
    for name in old:
        if name not in new:
            continue
        for what, words in describe.items():
            found += _pairs(what, {name: words(old[name])}, {name: words(new[name])})
        for x, y0, y1 in parts.curve_points(old[name]["rule"], new[name]["rule"]):
            if abs(y1 - y0) > CURVE_POINTS:
                found.append(Change("curve", name, y0, y1, at=x))
        rules = (old[name]["rule"], new[name]["rule"])
        if rules[0]["kind"] == rules[1]["kind"] == "category":
            texts = _pairs("category", dict(rules[0]["map"]), dict(rules[1]["map"]), of=name)
            found += [entry for entry in texts if None in (entry.before, entry.after)]
    return found


def _bands(before: Document, after: Document) -> list[Change]:
    found = _read("band", lambda one: {name: start / 100 for name, start in one["body"]["bands"]}, before, after)
    return found + _read("coverage", lambda one: {"least": one["body"]["min_coverage"] / 100}, before, after)


def _by_id(what: str, before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> list[Change]:
    def named(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {entry["id"]: {key: value for key, value in entry.items() if key != "id"} for entry in entries}

    return _pairs(what, named(before), named(after))


def _whole(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    found = []
    for name in _WHOLE:
        old, new = before.get(name), after.get(name)
        if (old or None) != (new or None):
            found.append(Change(name, name, old, new))
    return found


def _display(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The display map where either bends: raw score -> what people see."""
    old, new = before.get("display_map"), after.get("display_map")
    straight = [[0, 0], [100, 100]]
    lines = [straight if one is None else one["points"] for one in (old, new)]
    places = sorted({float(point[0]) for line in lines for point in line})
    shown = [(x, parts.height(lines[0], x), parts.height(lines[1], x)) for x in places]
    return [Change("display map", "display map", y0, y1, at=x) for x, y0, y1 in shown if y0 != y1]


def _risks(before: Document, after: Document) -> list[Change]:
    old, new = parts.strata(before), parts.strata(after)
    found = []
    for stratum in dict.fromkeys([*old, *new]):
        for score in RISK_AT:
            values = [_risk_at(one.get(stratum), score) for one in (old, new)]
            if values[0] != values[1]:
                found.append(Change("risk", stratum, values[0], values[1], at=score, of=stratum))
    return found


def _risk_at(points: list[list[float]] | None, score: float) -> float | None:
    return None if points is None else parts.height([point[:2] for point in points], score)
