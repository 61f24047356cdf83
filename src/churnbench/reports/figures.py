"""The page's main figures as files of their own, for MLflow and for slides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from markupsafe import escape

from churnbench.reports.blocks import Figure
from churnbench.reports.headline import gain_figure
from churnbench.reports.lens import Lens, lens_of
from churnbench.reports.reading import records
from churnbench.reports.sections.bands import risk_figure
from churnbench.reports.sections.directions import curve_figures
from churnbench.reports.sections.folds import fold_figures
from churnbench.reports.sections.lead_time import lead_figures, study_figures
from churnbench.reports.sections.movers import flow_figure
from churnbench.reports.sections.reliability import reliability_figures
from churnbench.reports.sections.weights import dimension_dots, metric_dots
from churnbench.reports.templating import style_sheet

_HEAD = re.compile(r'^<svg viewBox="0 0 (\S+) (\S+)"')
TITLE_ROOM = 26


def figures(evidence: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write every figure that the evidence allows as an SVG file.

    Args:
        evidence: the document of docs/evidence.md.
        folder: created when absent.

    Returns:
        Paths of the files in the order of the page; [] when nothing can be drawn.
    """
    lens = lens_of(evidence)
    folder.mkdir(parents=True, exist_ok=True)
    written: dict[str, Path] = {}
    for figure in _all(lens):
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", figure.name)[:60].strip("_") or "figure"
        while name in written:
            name += "_"
        path = folder / f"{name}.svg"
        path.write_text(standalone(figure), encoding="utf-8")
        written[name] = path
    return list(written.values())


def _all(lens: Lens) -> Iterable[Figure]:
    alone = (gain_figure(lens), dimension_dots(lens), metric_dots(lens), risk_figure(lens), flow_figure(lens))
    yield from (figure for figure in alone if figure is not None)
    yield from reliability_figures(lens)
    yield from fold_figures(lens)
    yield from lead_figures(lens)
    yield from study_figures(lens)
    for curve in records(lens.evidence, "curves"):
        yield from curve_figures(lens, curve)


def standalone(figure: Figure) -> str:
    """The drawing with its title, colours and a white ground, as a file of its own."""
    drawing = str(figure.svg)
    found = _HEAD.match(drawing)
    width, height = (float(part) for part in found.groups()) if found else (460.0, 300.0)
    inner = drawing[drawing.index(">") + 1 : -len("</svg>")]
    label = drawing.partition('aria-label="')[2].partition('"')[0]
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'viewBox="0 {-TITLE_ROOM} {width:g} {height + TITLE_ROOM:g}" '
        f'width="{width * 1.5:g}" role="img" aria-label="{label}"><style>{_light_style()}</style>'
        f'<rect x="0" y="{-TITLE_ROOM}" width="100%" height="100%" fill="#fff"/>'
        f'<text class="t strong" x="2" y="-10">{escape(figure.title)}</text>{inner}</svg>\n'
    )


def _light_style() -> str:
    """The part of the style sheet that drawings use, in light colours."""
    sheet = str(style_sheet())
    palette = sheet.partition("/* palette */")[2].partition("/* end palette */")[0]
    drawing = sheet.partition("/* drawings */")[2].partition("/* end drawings */")[0]
    return palette + drawing
