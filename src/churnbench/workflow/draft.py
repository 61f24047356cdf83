"""Reads a formula that somebody wants tested, and makes sure that this project's data can score it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path

from churnbench.calibration import UNTESTED, Draft
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
    provenance = document.get("provenance") or {}
    seen = provenance.get("label_window") or []
    noted = (document.get("extra") or {}).get("draft")
    noted = noted if isinstance(noted, Mapping) else {}
    return Draft(
        body,
        date.fromisoformat(seen[-1][:10]) if seen else None,
        Path(path).name,
        manual=bool(noted) or provenance.get("verdict") == UNTESTED,
        capacity=_capacity(noted.get("capacity"), file),
        origin={
            **noted,
            "config_version": document["config_version"],
            "body_sha256": document["integrity"]["body_sha256"],
        },
    )


def _capacity(found: object, file: str) -> int | None:
    """Accounts a snapshot that the author of the draft planned to call."""
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise InputError(
            f"the draft's capacity is {found!r}; a whole number of accounts from 1 upwards was expected.",
            file=file,
            column="extra.draft.capacity",
            fix="Export the draft again from the review page.",
        )
    return found
