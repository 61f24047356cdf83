"""`churnbench monitor`: find the config in force and what its review had seen, measure, write, record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.cohort import open_history
from churnbench.data.project import Project
from churnbench.domain.errors import InputError
from churnbench.domain.progress import Progress, Silent
from churnbench.domain.recorder import MetricValues, NoRecorder, Recorder
from churnbench.export import checked_scorer, read_document, write_document
from churnbench.export.document import made_on
from churnbench.export.files import replaced_whole
from churnbench.monitoring import DRAFTABLE, Monitoring, Watched, monitor, recalibrated_document
from churnbench.release import active, decisions, folder_of
from churnbench.reports.monitoring import render_monitoring
from churnbench.workflow.documents import config_id
from churnbench.workflow.publish import exclusive, write_json
from churnbench.workflow.usable import usable

RESULT, PAGE, DRAFT = "monitoring.json", "monitoring.html", "recalibrated.json"


@dataclass(frozen=True, eq=False)
class Monitored:
    """A finished look.

    Attributes:
        found: verdict and evidence.
        out: folder with monitoring.json and monitoring.html.
        draft: the recalibrated config, None where none was asked for or none is called for.
        why_none: why one that was called for could not be made.
    """

    found: Monitoring
    out: Path
    draft: Path | None
    why_none: str | None = None


def watched_config(
    project: Project, *, config: str | Path | None, models: str | Path, since: date | None = None
) -> Watched:
    """The config in force with the last day that its review had seen.

    That day is, in this order: `since`; what the release's record says; the `data_through` of evidence.json beside the
    config, where it is about the same formula; the end of the config's own training outcomes.

    Args:
        project: whose.
        config: a config document; the active release of `models` when None.
        models: folder of released configs.
        since: given by the user.

    Raises:
        InputError: no such config, a refused one, or none of those days is known.
    """
    if config is None:
        name = config_id(project.name)
        document, pointer = active(models, name)
        made = [
            entry["review"]
            for entry in decisions(folder_of(models, name))
            if entry["body_sha256"] == pointer.body_sha256 and entry.get("review")
        ]
        review, file = (made[-1] if made else {}), str(Path(models) / name / pointer.file)
        seen, origin = review.get("data_through"), "the release's review"
        promises = review.get("promises", ())
    else:
        document, file = read_document(config), str(config)
        review = _evidence_beside(Path(config), document)
        seen, origin = (review.get("data") or {}).get("data_through"), "the review beside the config"
        promises = review.get("thresholds", ())
    checked_scorer(document, now=made_on(document), file=file)
    window = (document.get("provenance") or {}).get("label_window") or []
    learned = date.fromisoformat(str(window[-1])[:10]) if window else None
    if since is not None:
        seen, origin = since.isoformat(), "given"
    elif seen is None:
        seen, origin = (None if learned is None else learned.isoformat()), "the end of its training outcomes"
    if seen is None:
        raise InputError(
            "nothing says which outcomes the config's review had seen.",
            file=file,
            column="provenance.label_window",
            fix="Give the day: --since 2026-06-30.",
        )
    day = date.fromisoformat(str(seen)[:10])
    return Watched(document, day, learned, tuple(promises), file, origin, _level_from(document, file))


def _level_from(document: Mapping[str, Any], file: str) -> date | None:
    """First day of the outcomes that a moved risk curve rests on; None for a curve that monitoring did not move."""
    noted = (document.get("extra") or {}).get("draft")
    text = noted.get("outcomes_from") if isinstance(noted, Mapping) else None
    if text is None:
        return None
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        raise InputError(
            f"{text!r} is no day; the first day of the outcomes that its risk curve rests on was expected.",
            file=file,
            column="extra.draft.outcomes_from",
            fix="Draw the config up again: churnbench monitor PROJECT --recalibrate --out DIR.",
        ) from None


def _evidence_beside(config: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The evidence of the run that the config came from; empty where it is absent or about another formula."""
    try:
        evidence = json.loads((config.parent / "evidence.json").read_text("utf-8"))
        configs = evidence.get("configs") or {}
        bodies = {entry.get("body_sha256") for entry in configs.values()}
    except (OSError, ValueError, AttributeError):
        return {}
    return evidence if (document.get("integrity") or {}).get("body_sha256") in bodies else {}


def monitor_project(
    project: Project,
    watched: Watched,
    out: Path,
    *,
    shown: pd.DataFrame | None = None,
    recalibrate: bool = False,
    seed: int = 0,
    recorder: Recorder | None = None,
    progress: Progress | None = None,
) -> Monitored:
    """Hold the config in force against the project's data as they are now.

    Args:
        project: from `load_project`; its data have grown since the review.
        watched: from `watched_config`.
        out: folder for monitoring.json and monitoring.html; made when absent, held by one process at a time.
        shown: from `shown_bands`.
        recalibrate: write recalibrated.json where the verdict calls for one.
        seed: of simulated limits.
        recorder: experiment tracking; keeps nothing when None.
        progress: told what is going on.

    Raises:
        InputError: data or a config that cannot be monitored; nothing is changed in `out`.
    """
    progress, recorder = progress or Silent(), recorder or NoRecorder()
    with exclusive(out) as _, recorder:
        progress.stage("reading data")
        history = open_history(project)
        cohort = usable(project, history.cohort())
        churns = history.outcomes().churns
        progress.stage("measuring")
        found = monitor(cohort, churns, watched, project=project.name, shown=shown, seed=seed)
        document, why_none = None, None
        if recalibrate and found.verdict in DRAFTABLE:
            try:
                document = recalibrated_document(cohort, churns, watched, found)
            except InputError as error:  # too few events for a curve must not cost the look itself
                why_none = str(error)
        with replaced_whole(out / PAGE) as page:
            page.write_text(render_monitoring(found), encoding="utf-8")
        with replaced_whole(out / RESULT) as result:
            write_json(result, found.as_json())
        (out / DRAFT).unlink(missing_ok=True)
        draft = None if document is None else write_document(document, out / DRAFT)
        record_monitoring(recorder, found, out, fingerprint=cohort.fingerprint)
    return Monitored(found, out, draft, why_none)


def record_monitoring(recorder: Recorder, found: Monitoring, out: Path, *, fingerprint: str) -> None:
    """One run for the look: name, verdict, figures, page."""
    reach = found.delay["data_through"]
    recorder.named(f"{found.project} · to {reach} · {found.verdict}", "\n\n".join(found.evidence) or found.sentence)
    recorder.dataset(found.project, fingerprint, {"data_through": reach, "since": found.since})
    recorder.parameters({"since": found.since, "project": found.project, **dict(found.config)})
    recorder.tags(
        {
            "monitoring.verdict": found.verdict,
            "monitoring.sentence": found.sentence,
            "monitoring.data_through": str(reach),
            "project": found.project,
        }
    )
    recorder.metrics(monitoring_metrics(found))
    for name in (PAGE, RESULT, DRAFT):
        if (out / name).exists():
            recorder.artifact(out / name)


def monitoring_metrics(found: Monitoring) -> MetricValues:
    """Figures under names that never change, so that looks stand side by side."""
    nothing = (None, None)
    auc, slope, changes = found.auc.now.as_json(), found.slope.now.as_json(), found.band_changes["now"]
    return {
        "recent.observed_expected": (found.recent.ratio, found.recent.low, found.recent.high),
        "recent.events": (float(found.recent.observed), None, None),
        "recent.expected": (found.recent.expected, None, None),
        "change.ratio": (found.change.ratio, found.change.low, found.change.high),
        "change.p_rise": (found.change.p_rise, None, None),
        "auc": (auc["value"], *(auc["ci90"] or nothing)),
        "slope": (slope["value"], *(slope["ci90"] or nothing)),
        "band_changes": (changes["rate"], *(changes["ci90"] or nothing)),
        "data_problems": (float(len(found.data_problems)), None, None),
        "exit_code": (float(found.exit_code), None, None),
    }
