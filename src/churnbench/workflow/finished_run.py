"""A finished run read back from its folder: evidence, configs and scores, nothing fitted again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.export import read_document
from churnbench.workflow.evidence_views import Config, Reviewed

_FILES = ("evidence.json", "config.json", "incumbent.json", "holdout_scores.parquet", "latest_inputs.parquet")
_HOW = "Name the folder that `churnbench run PROJECT --out DIR` left."


@dataclass(frozen=True, eq=False, repr=False)
class FinishedRun(Reviewed):
    """What `churnbench run` left in a folder.

    Attributes:
        folder: where it lies.
    """

    folder: Path

    def holdout(self) -> pd.DataFrame:
        """Predictions on the holdout: account_id, as_of, y, and per contender `NAME.churn_probability`."""
        return pd.read_parquet(self.folder / "holdout_scores.parquet")

    def latest(self) -> pd.DataFrame:
        """Inputs of every account that is still active, as known on the newest date."""
        return pd.read_parquet(self.folder / "latest_inputs.parquet")

    def require_data_of(self, cohort: Cohort) -> None:
        """Make sure that a cohort is the one this run is about, before figures of both stand side by side.

        Raises:
            InputError: for other data, or other settings of the labels.
        """
        if self.evidence["data"]["fingerprint"] != cohort.fingerprint:
            raise InputError(
                "this run is about other data than the project now holds (their fingerprints differ).",
                file=str(self.folder),
                fix="Run the project again, and name that run's folder.",
            )


def open_run(folder: str | Path) -> FinishedRun:
    """Read a finished run.

    Args:
        folder: what `churnbench run --out` named.

    Raises:
        InputError: for a folder without a finished run, one that a check blocked, or files that do not belong together.
    """
    where = Path(folder)
    absent = [name for name in _FILES if not (where / name).is_file()]
    if "evidence.json" in absent:
        raise InputError("no finished run lies here: evidence.json is absent.", file=str(where), fix=_HOW)
    evidence = _evidence(where / "evidence.json")
    if evidence.get("verdict") == "blocked":
        raise InputError(
            f"this run was blocked: {evidence.get('verdict_reason', '')}",
            file=str(where),
            fix="Mend the data, or write the reason under [checks.allow], and run again.",
        )
    if absent:
        raise InputError(f"this run is incomplete: {' and '.join(absent)} absent.", file=str(where), fix=_HOW)
    configs = {role: read_document(where / f"{role}.json") for role in ("config", "incumbent")}
    for role, document in (("candidate", configs["config"]), ("incumbent", configs["incumbent"])):
        claimed = ((evidence.get("configs") or {}).get(role) or {}).get("body_sha256")
        if claimed != (document.get("integrity") or {}).get("body_sha256"):
            raise InputError(
                f"evidence.json is about another {role} than the config beside it.",
                file=str(where),
                fix="Take both from one run.",
            )
    return FinishedRun(evidence, Config(configs["config"]), Config(configs["incumbent"]), where)


def _evidence(path: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"it cannot be read as evidence: {error}.", file=str(path), fix=_HOW) from None
    if not isinstance(found, dict) or not isinstance(found.get("data"), dict) or "verdict" not in found:
        raise InputError("this is not the evidence of a run.", file=str(path), fix=_HOW)
    return found
