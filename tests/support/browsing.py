"""Pages opened in a real browser, with everything that they asked for and complained about."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HOW_TO = "install playwright (pip) and Chromium (e.g. apt-get install chromium), or set CHURNBENCH_TEST_CHROMIUM"
_QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def chromium() -> Iterator[Any]:
    """A running browser; skips the test where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason=HOW_TO)
    found = os.environ.get("CHURNBENCH_TEST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip(HOW_TO)
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=_QUIET)
        yield opened
        opened.close()


class Visit:
    """A page that was opened."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.path = path
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append("dialog"))
        self.page.goto(path.as_uri())

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *_: object) -> None:
        self.page.close()

    def open_all(self) -> None:
        """Opens whatever can be folded out."""
        self.page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")

    def tab(self, name: str) -> None:
        """Opens a chapter."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def what_if(self) -> dict[str, Any]:
        """Waits for the what-if, opens it, and gives its figures as they are."""
        self.page.wait_for_function("globalThis.review?.figures != null")
        self.tab("What if")
        return self.figures()

    def figures(self) -> dict[str, Any]:
        """Figures on show, not rounded; redrawn first, so that no change is waiting."""
        found: dict[str, Any] = self.page.evaluate(
            """() => {
              const { found, bands, calls, profit, segments, moves } = review.redraw();
              const { book } = review.what;
              const { called, ...atCapacity } = calls;
              const reasons = moves.listed.map((row) => review.what.reasons(review.figures.scorer, row));
              return {
                scores: Array.from(found.score), bands: bands, band: Array.from(found.band, (at) => found.bands[at]),
                calls: atCapacity, profit, segments, moves: { ...moves, reasons },
                accounts: Array.from(book.account, (at) => book.accounts[at]),
                snapshots: Array.from(book.snapshot, (at) => book.snapshots[at]),
                weight: book.weight === null ? null : Array.from(book.account, (at) => book.weight[at]),
                profiles: Array.from(review.what.profiles()), starts: review.what.bands, capacity: review.what.capacity,
              };
            }"""
        )
        return found
