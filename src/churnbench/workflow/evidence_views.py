"""What a review found, as small tables; the same for one just made and for one read from a run's folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from churnbench.export import write_document
from churnbench.reports import render_review
from churnbench.workflow import notebook_panels


@dataclass(frozen=True, eq=False)
class Config:
    """A weight config document."""

    document: Mapping[str, Any]

    def write(self, path: str | Path) -> Path:
        """Write atomically; returns the path."""
        target = Path(path)
        write_document(dict(self.document), target)
        return target

    def __repr__(self) -> str:
        d = self.document
        return f"Config({d['config_id']} {d['config_version']}, body {d['integrity']['body_sha256'][:12]})"

    def _repr_html_(self) -> str:
        return notebook_panels.config_panel(self.document)


@dataclass(frozen=True, eq=False, repr=False)
class Reviewed:
    """An opened holdout: evidence, verdict and both configs.

    Attributes:
        evidence: the document of docs/evidence.md.
        config: the candidate.
        incumbent: today's formula in the same format.
    """

    evidence: Mapping[str, Any]
    config: Config
    incumbent: Config

    @property
    def verdict(self) -> str:
        """One of the gate's answers."""
        return str(self.evidence["verdict"])

    def compare(self, level: str = "dimensions") -> pd.DataFrame:
        """Weights side by side, per cent of the score: hand, SHAP share, SHAP slope, distilled, anchored refit.

        Args:
            level: "dimensions" or "metrics".
        """
        columns = ["hand", "shap_share", "shap_slope", "distilled", "anchored"]
        table = pd.DataFrame(self.evidence["weights"][level]).set_index("label")
        return table[columns].astype(float).round(1)

    def thresholds(self) -> pd.DataFrame:
        """Bands with what was promised and what the holdout showed."""
        rows = [
            {
                **{k: v for k, v in entry.items() if k != "observed"},
                "observed": (entry["observed"] or {}).get("rate"),
            }
            for entry in self.evidence["thresholds"]
        ]
        return pd.DataFrame(rows).set_index("band")

    def contenders(self) -> pd.DataFrame:
        """Holdout AUC and log loss per contender with 90 % intervals."""
        rows = []
        for entry in self.evidence["contenders"].values():
            row: dict[str, Any] = {"contender": entry["label"]}
            for measure in ("auc", "log_loss"):
                figure = entry["holdout"][measure]
                low, high = figure["ci90"] or (None, None)
                row |= {measure: figure["value"], f"{measure}_low": low, f"{measure}_high": high}
            rows.append(row)
        return pd.DataFrame(rows).set_index("contender")

    def review_html(self) -> str:
        """The review page as one self-contained HTML text."""
        return render_review(dict(self.evidence))

    def __repr__(self) -> str:
        name = self.evidence["project"]["name"]
        return f"{type(self).__name__}({name}: {self.verdict}, {self.config!r})"

    def _repr_html_(self) -> str:
        return notebook_panels.review_panel(self.evidence)
