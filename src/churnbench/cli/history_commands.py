"""What the verbs of the score history do; `history_verbs` only parses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from churnbench.cli.dates import typed_date
from churnbench.cli.history_inputs import inputs_of_day, whole_table
from churnbench.cli.terminal import give, say
from churnbench.domain.errors import InputError
from churnbench.export import checked_scorer, read_document
from churnbench.export.files import replaced_whole
from churnbench.export.tables import WRITE_KINDS, kind_of, opened_sink, without_formulas
from churnbench.formula import validate_body
from churnbench.history import (
    Absence,
    Frozen,
    ScoreStore,
    explain_change,
    in_force,
    open_store,
    roll_up,
    score_day,
    with_velocity,
)
from churnbench.history.overrides import Entry
from churnbench.history.velocity import LABELS
from churnbench_scorer import Scorer

_ROW = "{:<10}  {:>6}  {:<17}  {:<17}  {:<22}"


def append_day(
    config: Path,
    data: Path,
    *,
    as_of: str,
    store: str,
    outcomes: Path | None,
    reason: str | None,
    band_after: int,
    allow_missing: bool,
) -> None:
    """Score a file and append its readings."""
    day, document = typed_date(as_of, "--as-of"), read_document(config)
    checked_scorer(document, file=str(config))
    inputs = inputs_of_day(data, document, day, allow_missing=allow_missing)
    with open_store(store) as history:
        table = None if outcomes is None else whole_table(outcomes)
        froze = Frozen(0, 0) if table is None else history.freeze(table, today=_today(), reason=reason)
        readings = score_day(
            document,
            inputs,
            day,
            state=history.state(day, band_after=band_after),
            overrides=list(history.overrides()),
            band_after=band_after,
            allow_missing=allow_missing,
        )
        made = history.append(document, readings, today=_today(), reason=reason)
    words = [f"{made.added:,} readings of {day} appended to {history.location}."]
    if made.same:
        words.append(f"{made.same:,} were there already, and the same.")
    if made.late:
        words.append(f"{made.late:,} are marked as late: {reason}")
    if made.frozen:
        words.append(f"{made.frozen:,} left out: their accounts had churned by then.")
    if froze.churned:
        words.append(f"{froze.churned:,} accounts are newly frozen from their churn date on.")
    if froze.returned:
        words.append(f"{froze.returned:,} accounts came back, and are scored again from that day on.")
    say(
        "\n".join(words),
        added=made.added,
        same=made.same,
        late=made.late,
        frozen=made.frozen,
        newly_frozen=froze.churned,
        returned=froze.returned,
    )


def show_account(account: str, *, store: str, last: int) -> None:
    """Print the last readings of an account."""
    with _existing(store) as history:
        rows = with_velocity(history.history([account]))
        documents, gone = history.documents(), history.absences().get(account, [])
        overrides = [entry for entry in in_force(history.overrides(), _today()) if entry["account_id"] == account]
    if rows.empty:
        raise _no_reading(account, store, gone)
    rows = rows.tail(last)
    lines = [_ROW.format("as of", "score", "band", "calculated", "velocity").rstrip()]
    facts = []
    for row in _records(rows):
        caps = _caps(row, documents[row["body_sha256"]])
        facts.append(_facts(row, caps))
        lines.append(_line(row))
        lines += [f"            capped by {name}" for name in caps]
    shown = [row for row in _records(rows.drop_duplicates("override_id")) if row["override_id"]]
    lines += [_override_line(row) for row in shown]
    # One that lies on no reading above is in force all the same, and its id is needed to end it.
    lines += [_in_force_line(entry) for entry in overrides if entry["id"] not in {row["override_id"] for row in shown}]
    lines += [_absence_line(one) for one in gone]
    churned = gone[-1].churned_on if gone and gone[-1].returned_on is None else None
    give(
        "\n".join(lines),
        account_id=account,
        churned_on=churned,
        absences=[vars(one) for one in gone],
        overrides=overrides,
        readings=facts,
    )


def explain_account(account: str, *, since: str, until: str, store: str) -> None:
    """Print a change and its causes."""
    with _existing(store) as history:
        before, after = (
            history.reading(account, typed_date(day, name)) for day, name in ((since, "--from"), (until, "--to"))
        )
        change = explain_change(before, after, history.documents())
    facts: dict[str, Any] = {
        "account_id": account,
        "from": change.before_on,
        "to": change.after_on,
        "before_x100": change.before_x100,
        "after_x100": change.after_x100,
        "total_x100": change.total_x100,
        "parts": [vars(part) for part in change.parts],
        "caps_before": change.caps_before,
        "caps_after": change.caps_after,
        "unknown_before": change.unknown_before,
        "unknown_after": change.unknown_after,
    }
    if change.total_x100 is None:
        gone = ", ".join(sorted(set(change.unknown_after) - set(change.unknown_before))) or "none"
        come = ", ".join(sorted(set(change.unknown_before) - set(change.unknown_after))) or "none"
        give(
            f"{account}: {_points(change.before_x100)} -> {_points(change.after_x100)}; too little is known on one of "
            f"the days,\nso there is no change to split. Metrics that vanished: {gone}; that appeared: {come}.",
            **facts,
        )
        return
    lines = [
        f"{account}: {_points(change.before_x100)} -> {_points(change.after_x100)} "
        f"({change.total_x100 / 100:+.2f}), {change.before_on} to {change.after_on}"
    ]
    for part in change.parts:
        words = f"  ({part.before} -> {part.after})" if part.before or part.after else ""
        lines.append(f"  {part.points_x100 / 100:+7.2f}  {part.cause:<12} {part.what}{words}")
    give("\n".join(lines), **facts)


def override_account(
    account: str, *, band: str | None, score: float | None, reason: str, by: str, until: str, store: str
) -> None:
    """Log an override."""
    end = typed_date(until, "--until")
    with _existing(store) as history:
        entry = history.override(
            account, today=_today(), band=band, score=score, reason=reason, author=by, until=end
        )  # fmt: skip
    shown = f"band {band}" if band is not None else f"score {score:.2f}"
    say(f"Override {entry['id']}: {account} shows {shown} until {end}.", **entry)


def revoke_override(override_id: str, *, reason: str, by: str, store: str) -> None:
    """Log the end of an override."""
    with _existing(store) as history:
        entry = history.revoke(override_id, reason=reason, author=by, today=_today())
    say(f"Override {override_id} of {entry['account_id']} ends today; both entries stay in the log.", **entry)


def compact_store(store: str) -> None:
    """Put day files together."""
    with _existing(store) as history:
        done = history.compact()
    if done["periods"]:
        say(f"{done['files_before']:,} files put together; there are {done['files']:,} now.", **done)
    else:
        say("Nothing to compact.", **done)


def roll_up_day(as_of: str | None, *, store: str, out: Path | None) -> None:
    """Print the scores of parents, lowest first."""
    with _existing(store) as history:
        day = history.newest() if as_of is None else typed_date(as_of, "--as-of")
        found = roll_up(history.history(since=day, until=day))
    if out is not None:
        _write(found, out)
    ranked = found.sort_values("rolled_up_x100", na_position="last").head(20)
    lines = [f"{len(found):,} parent accounts on {day}, lowest first:" if len(found) else f"No parents on {day}."]
    for row in _records(ranked):
        left_out = f", {row['excluded']} left out" if row["excluded"] else ""
        score = _points(None if pd.isna(row["rolled_up_x100"]) else int(row["rolled_up_x100"]))
        lines.append(f"  {score:>6}  {row['account_id']} ({row['accounts']} accounts{left_out}, ARR {row['arr']:,.0f})")
    if out is not None:
        lines.append(f"All of them: {out}")
    give("\n".join(lines), as_of=day, parents=_plain(ranked), count=len(found))


def _existing(store: str) -> ScoreStore:
    if "://" not in store and not Path(store).is_dir():
        raise InputError(
            "no score history is there.", file=store, fix="Append a day first: churnbench history append CONFIG INPUT."
        )
    return open_store(store)


def _caps(row: dict[str, Any], document: dict[str, Any]) -> tuple[str, ...]:
    inputs = {name: None if pd.isna(row[name]) else row[name] for name in validate_body(document["body"])}
    return Scorer(document).score(inputs, extra="ignore").caps


def _line(row: dict[str, Any]) -> str:
    score = None if pd.isna(row["health_score_x100"]) else int(row["health_score_x100"])
    moving = "" if pd.isna(row["velocity"]) else f"{row['velocity']:+.2f} {LABELS[row['velocity_band']]}"
    band = row["band"] + (" *" if row["override_id"] else "")
    return _ROW.format(f"{row['as_of']:%Y-%m-%d}", _points(score), band, row["calculated_band"], moving).rstrip()


def _no_reading(account: str, store: str, gone: Sequence[Absence]) -> InputError:
    if gone:
        return InputError(
            f"account {account!r} has no reading from before it churned on {gone[-1].churned_on}.",
            file=store,
            fix="Append an earlier day, with --reason, if there is one.",
        )
    return InputError(f"account {account!r} has no reading.", file=store, fix="Check its spelling.")


def _absence_line(one: Absence) -> str:
    if one.churned_on > _today():
        return f"Leaves on {one.churned_on}: scored until then."
    if one.returned_on is None:
        return f"Frozen: churned on {one.churned_on}; the last reading before is the one that counts."
    return f"Churned on {one.churned_on}, back on {one.returned_on}: scored again from then on."


def _in_force_line(entry: Entry) -> str:
    shown = entry["band"] if entry["score_x100"] is None else f"score {entry['score_x100'] / 100:.2f}"
    return (
        f"Override {entry['id']} in force, on no reading above: {shown} from {entry['from']} until {entry['until']}, "
        f"by {entry['author']}:\n  {entry['reason']}"
    )


def _override_line(row: dict[str, Any]) -> str:
    score = "" if pd.isna(row["override_score"]) else f" (score {row['override_score']:.2f})"
    return (
        f"* override {row['override_id']}: {row['override_band']}{score} until {row['override_until']}, "
        f"by {row['override_author']}:\n  {row['override_reason']}"
    )


def _facts(row: dict[str, Any], caps: tuple[str, ...]) -> dict[str, Any]:
    names = ("config_version", "health_score_x100", "calculated_band", "held_band", "band", "coverage_bp", "velocity",
             "velocity_band", "late_reason", "override_id", "override_score", "override_reason", "override_author",
             "override_until")  # fmt: skip
    return {"as_of": f"{row['as_of']:%Y-%m-%d}", **{n: _bare(row[n]) for n in names}, "caps": caps}


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _plain(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{name: _bare(value) for name, value in row.items()} for row in _records(frame)]


def _bare(value: Any) -> Any:
    return None if pd.isna(value) else value.item() if hasattr(value, "item") else value


def _points(hundredths: int | None) -> str:
    return "none" if hundredths is None else f"{hundredths / 100:.2f}"


def _write(frame: pd.DataFrame, out: Path) -> None:
    kind = kind_of(str(out), WRITE_KINDS)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    with replaced_whole(out) as temporary, opened_sink(temporary, kind, table.schema) as sink:
        sink.write_table(table if kind == ".parquet" else without_formulas(table))


def _today() -> date:
    return datetime.now(UTC).date()
