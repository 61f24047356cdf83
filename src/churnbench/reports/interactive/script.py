"""The page's script: the scorer for JavaScript and the page's own parts, joined into one module."""

from __future__ import annotations

import base64
import re
from functools import cache
from hashlib import sha256
from importlib.resources import files

from churnbench.export.javascript import javascript_source

#: Parts in order, each after those it imports. The first alone makes the tabs of a page without what-if.
PARTS = (
    "tabs.mjs",
    "words.mjs",
    "dom.mjs",
    "quantiles.mjs",
    "unpack.mjs",
    "shares.mjs",
    "bands.mjs",
    "calls.mjs",
    "movers.mjs",
    "draft.mjs",
    "tables.mjs",
    "controls.mjs",
    "engine.mjs",
    "main.mjs",
)
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./[a-z-]+\.mjs";\n+', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async|function|class|const)", re.MULTILINE)
_ENDS_SCRIPT = re.compile(r"</script|<!--|<script", re.IGNORECASE)


@cache
def page_script(*, what_if: bool) -> str:
    """Text of the page's one script element, an ES module that loads nothing.

    Args:
        what_if: with the scorer and everything that redraws; without it only the tabs.

    Returns:
        JavaScript that cannot end its own script element.
    """
    if not what_if:
        return checked(_part("tabs.mjs") + "startTabs();\n")
    own = "\n".join(_part(name) for name in PARTS)
    # The scorer's names stay outside the braces, so that a part may use any name of its own.
    return checked(f"{javascript_source()}\n{{\n{own}\nstartTabs();\nawait startWhatIf();\n}}\n")


def checked(source: str) -> str:
    """The source, unless an HTML parser would end the script element inside it."""
    found = _ENDS_SCRIPT.search(source)
    if found:
        raise ValueError(f"the script holds {found.group()!r}, which ends a script element")
    return source


def script_hash(source: str) -> str:
    """Source expression of a content security policy that allows this script alone."""
    return f"'sha256-{base64.b64encode(sha256(source.encode()).digest()).decode('ascii')}'"


def part_text(name: str) -> str:
    """Text of one part as it lies in this package."""
    return files(__package__).joinpath(f"script/{name}").read_text(encoding="utf-8")


def _part(name: str) -> str:
    """One part without what only separate files need."""
    return _EXPORT.sub("", _IMPORT.sub("", part_text(name)))
