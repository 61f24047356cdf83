"""The documentation: every page is in the nav, made pages are fresh, the site's own rules hold."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import commands_page
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))


def _pages(nav: Any) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    entries = nav.values() if isinstance(nav, dict) else nav
    return [page for entry in entries for page in _pages(entry)]


@pytest.fixture(scope="module")
def hooks() -> Any:
    spec = importlib.util.spec_from_file_location("docs_site", ROOT / "packaging" / "docs_site.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_nav_names_every_page_once() -> None:
    pages = _pages(SITE["nav"])
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(pages) == sorted(there)


def test_the_site_asks_nobody_for_fonts_or_scripts() -> None:
    assert SITE["theme"]["font"] is False
    assert not {"repo_url", "extra_javascript", "extra_css"} & set(SITE)


def test_the_page_of_commands_is_what_the_program_says() -> None:
    made = commands_page.page().rstrip("\n") + "\n"
    assert (ROOT / "docs" / "commands.md").read_text("utf-8") == made


def test_every_module_of_the_reference_exists() -> None:
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        names = re.findall(r"^::: (\S+)$", page.read_text("utf-8"), re.MULTILINE)
        assert names
        for name in names:
            assert importlib.util.find_spec(name) is not None, f"{page.name}: {name}"


def test_the_lock_pins_what_the_extra_asks_for_and_names_no_registry() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]["docs"]
    lock = (ROOT / "requirements-docs.lock").read_text("utf-8")
    for requirement in extra:
        name = re.split(r"[\[<>=]", requirement)[0]
        assert re.search(rf"^{name}==\S+ \\$", lock, re.MULTILINE), name
    assert "http" not in lock
    assert len(re.findall(r"^\S+==", lock, re.MULTILINE)) == len(re.findall(r"==[^\\]*\\\n    --hash", lock))


def test_links_that_leave_the_pages_become_text(hooks: Any) -> None:
    def written(markdown: str, page: str) -> str:
        return str(hooks.on_page_markdown(markdown, SimpleNamespace(file=SimpleNamespace(src_uri=page))))

    assert written("see [the view](../examples/view.py)", "sql.md") == "see the view (`examples/view.py`)"
    assert written("[`examples/view.py`](../examples/view.py)", "sql.md") == "`examples/view.py`"
    assert written("[rules](../scoring-rules.md)", "reference/scorer.md") == "[rules](../scoring-rules.md)"
    assert written("[rules](scoring-rules.md)", "sql.md") == "[rules](scoring-rules.md)"


def test_a_page_that_would_load_something_from_elsewhere_stops_the_build(hooks: Any, tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    page.write_text('<a href="https://doi.org/1">a paper</a><script src="assets/a.js"></script>')
    hooks.on_post_build(SimpleNamespace(site_dir=str(tmp_path)))
    for loaded in ('<script src="https://cdn.example/a.js">', '<link rel=stylesheet href="//fonts.example/a.css">'):
        page.write_text(loaded)
        with pytest.raises(SystemExit, match="example"):
            hooks.on_post_build(SimpleNamespace(site_dir=str(tmp_path)))
