"""Manual overrides: somebody says what band or score to show, why and until when; the calculated one stays beside it.

They are a log of their own. A re-score writes readings and never touches it; to take an override back is a new entry.
"""

from __future__ import annotations

import hashlib
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from churnbench.domain.errors import InputError
from churnbench.export import Document

Entry = dict[str, Any]
#: What an override adds to a reading; all missing where none is in force.
OVERRIDE_COLUMNS = (
    "override_id",
    "override_band",
    "override_score",
    "override_reason",
    "override_author",
    "override_until",
)
_LEAST_REASON = 10
_MOST_DAYS = 366
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")


def new_override(
    account_id: str,
    *,
    band: str | None = None,
    score: float | None = None,
    reason: str,
    author: str,
    until: date,
    today: date,
    bands: Iterable[str] = (),
) -> Entry:
    """An entry that overrides the band or the score of an account from today.

    Args:
        account_id: whose.
        band: band to show; exactly one of band and score.
        score: health score to show, 0 to 100; its band follows from the config's thresholds.
        reason: why, at least 10 characters.
        author: who says so.
        until: last day on which it is shown; after today, at most a year.
        today: day of the entry.
        bands: names that the config knows; empty when no config is known yet.

    Returns:
        The entry, with its id.

    Raises:
        InputError: for anything that breaks these rules.
    """
    if (band is None) == (score is None):
        raise InputError("an override gives a band or a score, and exactly one.", fix="Pass --band or --score.")
    known = list(bands)
    if band is not None and known and band not in known:
        raise InputError(f"{band!r} is not a band; the config has {', '.join(known)}.", fix="Choose one of these.")
    if score is not None and not 0 <= score <= 100:  # NaN fails here, too
        raise InputError(f"a score of {score} is not within 0 to 100.", fix="Give the score that is to be shown.")
    if not today < until or (until - today).days > _MOST_DAYS:
        raise InputError(
            f"the override ends on {until}; it must end after today, {today}, and within a year.",
            column="--until",
            fix="Give a later day; a lasting exception belongs into the config as a cap.",
        )
    entry = {
        "event": "override",
        "account_id": account_id,
        "band": band,
        "score_x100": None if score is None else round(score * 100),
        "reason": _said(reason, "reason", _LEAST_REASON),
        "author": _said(author, "author", 1),
        "from": today.isoformat(),
        "until": until.isoformat(),
    }
    return {"id": _name(entry), **entry}


def new_revocation(log: Iterable[Entry], override_id: str, *, reason: str, author: str, today: date) -> Entry:
    """An entry that ends an override from today on.

    Raises:
        InputError: no such override, one that is revoked already, or no reason.
    """
    entries = list(log)
    found = next((entry for entry in entries if entry["event"] == "override" and entry["id"] == override_id), None)
    if found is None:
        there = ", ".join(entry["id"] for entry in entries if entry["event"] == "override") or "none"
        raise InputError(
            f"no override {override_id!r}; there are: {there}.", fix="Look it up: churnbench history show."
        )
    if any(entry["event"] == "revoke" and entry["of"] == override_id for entry in entries):
        raise InputError(f"override {override_id!r} is revoked already.", fix="Nothing is left to do.")
    entry = {
        "event": "revoke",
        "of": override_id,
        "account_id": found["account_id"],
        "reason": _said(reason, "reason", _LEAST_REASON),
        "author": _said(author, "author", 1),
        "from": today.isoformat(),
    }
    return {"id": _name(entry), **entry}


def lay_over(history: pd.DataFrame, log: Iterable[Entry], documents: Mapping[str, Document]) -> pd.DataFrame:
    """Show overrides on the readings of the days on which they were in force.

    Args:
        history: a score history with `held_band`.
        log: entries, oldest first; of several in force the newest is shown.
        documents: body hash -> config, whose thresholds give the band of an overridden score.

    Returns:
        The history with `OVERRIDE_COLUMNS`; `band` is the overriding band where there is one, else the held band.
        Scores and calculated bands are left as they are.
    """
    shown = history.assign(band=history["held_band"])
    for name in OVERRIDE_COLUMNS:
        shown[name] = np.nan if name == "override_score" else np.full(len(shown), None, dtype=object)
    entries = list(log)
    revoked = {entry["of"]: np.datetime64(entry["from"]) for entry in entries if entry["event"] == "revoke"}
    wanted = [entry for entry in entries if entry["event"] == "override"]
    rows_of = shown.groupby("account_id").indices if wanted else {}
    for entry in wanted:
        places = np.asarray(rows_of.get(entry["account_id"], ()), dtype=np.intp)
        days = shown["as_of"].to_numpy()[places]
        inside = (days >= np.datetime64(entry["from"])) & (days <= np.datetime64(entry["until"]))
        if entry["id"] in revoked:
            inside &= days < revoked[entry["id"]]
        _show(shown, places[inside], entry, documents)
    return shown


def in_force(log: Iterable[Entry], on: date) -> list[Entry]:
    """Overrides shown on a day, oldest first."""
    entries, day = list(log), on.isoformat()
    ended = {entry["of"] for entry in entries if entry["event"] == "revoke" and entry["from"] <= day}
    return [
        entry
        for entry in entries
        if entry["event"] == "override" and entry["from"] <= day <= entry["until"] and entry["id"] not in ended
    ]


def _show(shown: pd.DataFrame, places: npt.NDArray[np.intp], entry: Entry, documents: Mapping[str, Document]) -> None:
    score = entry["score_x100"]
    bands = [entry["band"] or _band_of(score, documents[body]) for body in shown["body_sha256"].iloc[places]]
    values = {
        "band": bands,
        "override_band": bands,
        "override_score": np.nan if score is None else score / 100,
        "override_id": entry["id"],
        "override_reason": entry["reason"],
        "override_author": entry["author"],
        "override_until": entry["until"],
    }
    for name, value in values.items():
        shown.loc[shown.index[places], name] = value


def _band_of(score: int, document: Document) -> str:
    bands = document["body"]["bands"]
    return str(bands[bisect_right([start for _, start in bands], score) - 1][0])


def _said(text: str, what: str, least: int) -> str:
    clean = text.strip()
    if len(clean) < least or _CONTROLS.search(clean):
        raise InputError(
            f"the {what} {text!r} is not text without controls of at least {least} letter{'s' if least > 1 else ''}.",
            column=f"--{'by' if what == 'author' else what}",
            fix="Write what a colleague will understand next month.",
        )
    return clean


def _name(entry: Entry) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:10]
