"""Text from people and data inside Markdown, so that it reads as it was written and does nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#!|~^$])")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:-]{1,200}")


def escaped(text: object) -> str:
    r"""One line of plain text: nothing in it is markup, a link or HTML.

    >>> escaped("a|b <script> [x](http://y)")
    'a\\|b &lt;script&gt; \\[x\\]\\(http&#58;//y\\)'
    """
    line = " ".join("".join(c if c.isprintable() or c.isspace() else "?" for c in str(text)).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    line = _SPECIAL.sub(r"\\\1", line)
    # Bare addresses become links in some readers.
    line = line.replace("://", "&#58;//").replace("www.", "www&#46;").replace("@", "&#64;")
    # At the start, a dash, a plus or a number with a dot would open a list.
    return re.sub(r"^(\d*)([-+=.])", r"\1\\\2", line)


def code(text: object) -> str:
    """An identifier as code; anything else as escaped text."""
    return f"`{text}`" if _IDENTIFIER.fullmatch(str(text)) else escaped(text)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table whose cells are Markdown already."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    return lines + [f"| {' | '.join(row)} |" for row in rows]
