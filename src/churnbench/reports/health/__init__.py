"""Draws the reports of `churnbench.health` as HTML, Markdown and JSON."""

from collections.abc import Callable

from churnbench.health.result import Report
from churnbench.reports.health.page import TITLES, render_html, render_index
from churnbench.reports.health.text import render_json, render_markdown

#: Format -> (ending of the file, what draws it).
FORMATS: dict[str, tuple[str, Callable[[Report], str]]] = {
    "html": (".html", render_html),
    "markdown": (".md", render_markdown),
    "json": (".json", render_json),
}

__all__ = ["FORMATS", "TITLES", "render_html", "render_index", "render_json", "render_markdown"]
