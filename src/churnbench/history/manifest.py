"""The list of the files that make up a history in a folder: a file that it does not name is not part of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from churnbench.domain.errors import InputError
from churnbench.export.files import replaced_whole

NAME = "manifest.json"
FORMAT = "churnbench-score-history"


@dataclass(frozen=True)
class Part:
    """One Parquet file.

    Attributes:
        name: path below the folder.
        first, last: as-of dates of its readings, ISO text.
        rows: how many.
        bodies: hashes of the formulas that scored them.
        bucket: (number, how many) of the accounts in it; None for all accounts.
    """

    name: str
    first: str
    last: str
    rows: int
    bodies: tuple[str, ...]
    bucket: tuple[int, int] | None = None

    def may_hold(self, accounts: Sequence[str] | None) -> bool:
        """Whether one of these accounts can be in the file."""
        if self.bucket is None or accounts is None:
            return True
        number, count = self.bucket
        return any(bucket_of(account, count) == number for account in accounts)


def bucket_of(account_id: str, count: int) -> int:
    """Number of an account's bucket; the same as `bucket_sql`."""
    return hashlib.sha256(account_id.encode()).digest()[0] % count


def bucket_sql(count: int) -> str:
    """SQL of the number of an account's bucket."""
    return f"CAST('0x' || substr(sha256(account_id), 1, 2) AS INTEGER) % {int(count)}"


@dataclass(frozen=True)
class Manifest:
    """Number of appends so far, and the files."""

    appends: int = 0
    parts: tuple[Part, ...] = ()

    @property
    def newest(self) -> date | None:
        """Newest as-of date."""
        return date.fromisoformat(max(part.last for part in self.parts)) if self.parts else None

    def between(
        self,
        since: date | None,
        until: date | None,
        body: str | None = None,
        accounts: Sequence[str] | None = None,
    ) -> list[Part]:
        """Files that may hold readings of these dates, of this formula, of these accounts."""
        low, high = (since or date.min).isoformat(), (until or date.max).isoformat()
        return [
            part
            for part in self.parts
            if part.first <= high
            and part.last >= low
            and (body is None or body in part.bodies)
            and part.may_hold(accounts)
        ]

    def with_parts(self, gone: Sequence[Part], new: Sequence[Part], appends: int = 0) -> Manifest:
        """Another manifest with files exchanged."""
        names = {part.name for part in gone} | {part.name for part in new}
        kept = [part for part in self.parts if part.name not in names]
        parts = sorted([*kept, *new], key=lambda part: (part.first, part.name))
        return replace(self, appends=self.appends + appends, parts=tuple(parts))


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; an empty one where there is none.

    Raises:
        InputError: for a manifest that this tool did not write.
    """
    path = folder / NAME
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != FORMAT or content["version"] != 1:
            raise ValueError(content["format"])
        parts = tuple(map(_part, content["parts"]))
        return Manifest(int(content["appends"]), parts)
    except FileNotFoundError:
        return Manifest()
    except (ValueError, KeyError, TypeError):
        raise InputError(
            "the list of files is damaged or was written by another version.",
            file=str(path),
            fix="Restore it from a copy; the Parquet files beside it are unchanged.",
        ) from None


def _part(fields: dict[str, Any]) -> Part:
    bucket = fields["bucket"]
    return Part(**{**fields, "bodies": tuple(fields["bodies"]), "bucket": None if bucket is None else tuple(bucket)})


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest; this is the moment at which an append or a compaction happens."""
    content = {
        "format": FORMAT,
        "version": 1,
        "appends": manifest.appends,
        "parts": [asdict(part) for part in manifest.parts],
    }
    with replaced_whole(folder / NAME) as temporary:
        temporary.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
