"""The page of results: one table of promises, and the tables behind them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- proofs: begin -->", "<!-- proofs: end -->"


@dataclass(frozen=True)
class Promise:
    """One line of the table.

    Attributes:
        proof: which proof measured it.
        claim: what is promised, in words.
        measured: the figure with its Monte-Carlo error, or a count.
        target: what it must reach.
        kept: whether it does.
        replicates: simulated books.
    """

    proof: str
    claim: str
    measured: str
    target: str
    kept: bool
    replicates: int


@dataclass(frozen=True)
class Section:
    """What one proof found.

    Attributes:
        name: key of the proof.
        title: heading.
        text: sentences before the table.
        promises: lines for the table of promises.
        tables: caption -> rows with the same keys, cells as text.
        command: what made it.
        seconds: wall time.
    """

    name: str
    title: str
    text: str
    promises: Sequence[Promise]
    tables: dict[str, list[dict[str, str]]]
    command: str
    seconds: float


def save(section: Section, folder: Path) -> None:
    """Keep a section as JSON, so that the page can be written again without running anything."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{section.name}.json"
    path.write_text(json.dumps(asdict(section), indent=1) + "\n", encoding="utf-8")


def load(folder: Path, names: Sequence[str]) -> list[Section]:
    """Sections kept earlier, in the order of `names`."""
    found = []
    for name in names:
        path = folder / f"{name}.json"
        if path.exists():
            raw: dict[str, Any] = json.loads(path.read_text("utf-8"))
            raw["promises"] = [Promise(**promise) for promise in raw["promises"]]
            found.append(Section(**raw))
    return found


def write_page(sections: Sequence[Section], page: Path) -> None:
    """Put the results between the page's markers; the text around them stays."""
    text = page.read_text("utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n\n{_body(sections)}\n{_END}{after}", encoding="utf-8")


def _body(sections: Sequence[Section]) -> str:
    rows = [
        {
            "promise": promise.claim,
            "measured": promise.measured,
            "must be": promise.target,
            "kept": "yes" if promise.kept else "**no**",
            "books": str(promise.replicates),
        }
        for section in sections
        for promise in section.promises
    ]
    blocks = ["## Promises\n", table(rows)]
    for section in sections:
        blocks.append(
            f"\n## {section.title}\n\n{section.text}\n\n"
            f"Made by `{section.command}` in {section.seconds / 60:.0f} min.\n"
        )
        for caption, content in section.tables.items():
            blocks.append(f"\n{caption}\n\n{table(content)}")
    return "\n".join(blocks)


def table(rows: Sequence[dict[str, str]]) -> str:
    """A Markdown table; empty text without rows."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'|'.join('---' for _ in names)}|"]
    lines += [f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows]
    return "\n".join(lines) + "\n"
