"""Two rules of the documentation site, called by mkdocs while it builds.

Pages link to files of the repository that are no pages; on the site, which may stand anywhere, such a link becomes its
text. And a finished page must not load anything from elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_OUTWARD = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+[^)]*)\)")
_LOADED = re.compile(r"<(?:script|img|iframe|source|link)\b[^>]*?\b(?:src|href)=[\"']?((?:https?:)?//[^\"'\s>]+)", re.I)


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links that leave docs/ become their text and the file's path."""
    depth = page.file.src_uri.count("/")

    def plain(found: re.Match[str]) -> str:
        text, target = found.groups()
        if target.count("../") <= depth:
            return found.group(0)
        path = target.replace("../", "").partition("#")[0]
        return text if path in text else f"{text} (`{path}`)"

    return _OUTWARD.sub(plain, markdown)


def on_post_build(config: Any, **_: Any) -> None:
    """Refuse a site that would ask another server for anything."""
    for path in sorted(Path(config.site_dir).rglob("*.html")):
        for address in _LOADED.findall(path.read_text("utf-8")):
            raise SystemExit(f"{path.relative_to(config.site_dir)} would load {address}; pages must work offline.")
