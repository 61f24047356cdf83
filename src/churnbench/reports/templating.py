"""Templates and style sheets of every page, read once."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


@cache
def style_sheet(*more: str) -> Markup:
    """The style sheet of the review, and further ones behind it, parts of this package and so trusted.

    Args:
        more: names without ending, e.g. "health".
    """
    folder = files("churnbench.reports").joinpath("templates")
    texts = [folder.joinpath(f"{name}.css").read_text(encoding="utf-8") for name in ("review", *more)]
    return Markup("".join(texts))  # noqa: S704 - files of this package


@cache
def environment() -> Environment:
    """Templates that escape every value and refuse an absent one."""
    return Environment(
        loader=PackageLoader("churnbench.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
