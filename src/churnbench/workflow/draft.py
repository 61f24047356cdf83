"""Reads a formula that somebody wants tested, and makes sure that this project's data can score it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from churnbench.calibration import Draft
from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec
from churnbench.export import checked_scorer, read_document
from churnbench.formula import SEGMENT_LEVEL, metric_inputs


def read_draft(path: str | Path, cohort: Cohort, spec: FormulaSpec) -> Draft:
    """A draft from its config document.

    Args:
        path: the document, as the review page saves it or `config.json` of another run.
        cohort: what it will be tested on.
        spec: the project's formula; a draft may weigh its metrics otherwise, not bring others.

    Raises:
        InputError: for a refused document, or metrics and inputs that the project does not have.
    """
    file = str(path)
    document = read_document(path)
    checked_scorer(document, file=file)
    body = document["body"]
    declared = {metric.id for metric in spec.metrics} | {SEGMENT_LEVEL}
    foreign = [metric["id"] for metric in body["metrics"] if metric["id"] not in declared]
    if foreign:
        raise InputError(
            f"the draft weighs {', '.join(foreign)}, which this project does not declare.",
            file=file,
            column=foreign[0],
            fix="Declare the metric under [[formula.metrics]], or test the draft in the project it was made for.",
        )
    absent = [name for name in metric_inputs(body) if name not in cohort.frame]
    if absent:
        raise InputError(
            f"the draft reads {', '.join(absent)}, which is no column of this project's data.",
            file=file,
            column=absent[0],
            fix=f"Columns are {', '.join(map(str, cohort.metrics))}.",
        )
    seen = (document.get("provenance") or {}).get("label_window") or []
    return Draft(body, date.fromisoformat(seen[-1][:10]) if seen else None, Path(path).name)
