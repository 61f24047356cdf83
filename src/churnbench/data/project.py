"""The project file `churnbench.toml`: read, checked, resolved."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from churnbench.data.project_formula import DeclaredFormula, resolve_formula
from churnbench.data.section_errors import project_error
from churnbench.data.sections import (
    UNFINISHED,
    BacktestSection,
    CalibrationSection,
    ChecksSection,
    DataSection,
    LabelSection,
    ProjectFile,
    SnapshotSection,
    ThresholdSection,
    TrackingSection,
)
from churnbench.data.sections_history import HistorySection
from churnbench.data.sections_playbooks import PlaybooksSection, TriggerSection
from churnbench.data.sections_sources import SourceSection
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import FormulaSpec

#: Name of the project file inside a project folder.
PROJECT_FILE = "churnbench.toml"


@dataclass(frozen=True)
class Project:
    """A project as declared; no data have been read yet.

    Attributes:
        name: name of the project.
        root: folder of the project file; relative paths start there.
        file: name of the project file.
        data, snapshots, label, backtest, calibration, thresholds, tracking, checks, playbooks: the sections, typed,
            with defaults filled in; see `churnbench.data.sections`.
        triggers: what `[[triggers]]` adds to the shipped ones or changes of them.
        declared: the formula with what belongs to it (computed metrics, renamed columns).
        history: how the score history is kept; see `churnbench.data.sections_history`.
        sources: which mappings wrote which fact tables; see `churnbench.data.sections_sources`.
    """

    name: str
    root: Path
    file: str
    data: DataSection
    snapshots: SnapshotSection
    label: LabelSection
    backtest: BacktestSection
    calibration: CalibrationSection
    thresholds: ThresholdSection
    tracking: TrackingSection
    checks: ChecksSection
    declared: DeclaredFormula
    playbooks: PlaybooksSection
    triggers: tuple[TriggerSection, ...]
    history: HistorySection = field(default_factory=HistorySection)
    sources: tuple[SourceSection, ...] = ()

    @property
    def formula(self) -> FormulaSpec:
        """The hand formula: preset plus overrides; without metrics when they are to be found in the data."""
        return self.declared.spec

    @property
    def segment_column(self) -> str:
        """Column that names an account's segment."""
        return self.calibration.segments or self.data.segment or "segment"

    @property
    def value_column(self) -> str:
        """Column with an account's yearly value."""
        return self.thresholds.value or "arr"


def load_project(path: Path | str, *, unfinished: bool = False) -> Project:
    """Read a project.

    Args:
        path: the project file or its folder.
        unfinished: whether it may still be without a history, or have facts of which no metric is declared: its
            next lines are about to be written.

    Returns:
        The checked project.

    Raises:
        InputError: no such file, a TOML syntax error (with its line), an unknown key or value (with the
            nearest known one), or declarations that contradict each other.
    """
    found = Path(path)
    if found.is_dir():
        found = found / PROJECT_FILE
    if not found.is_file():
        raise InputError(
            "no project file there.",
            file=str(path),
            fix=f"Name a folder with a {PROJECT_FILE}, or make one with `churnbench init DIR`.",
        )
    text = _text(found)
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(error, found.name, text) from None
    try:
        read = ProjectFile.model_validate(content, context=UNFINISHED if unfinished else None)
    except ValidationError as error:
        raise project_error(error, file=found.name, text=text) from None
    declared = resolve_formula(
        read.formula,
        sources=[fact.name for fact in read.data.facts],
        lookback_days=read.snapshots.lookback_days,
        file=found.name,
    )
    if read.data.kind == "facts" and not declared.computed and not unfinished:
        raise InputError(
            "with [[data.facts]] the metrics must be declared; none is.",
            file=found.name,
            column="formula.metrics",
            fix="Add [[formula.metrics]] with id, dimension, weight, source, agg and window_days.",
        )
    return Project(
        name=read.project.name,
        root=found.parent.resolve(),
        file=found.name,
        data=read.data,
        snapshots=read.snapshots,
        label=read.label,
        backtest=read.backtest,
        calibration=read.calibration,
        thresholds=read.thresholds,
        tracking=read.tracking,
        checks=read.checks,
        declared=declared,
        history=read.history,
        playbooks=read.playbooks,
        triggers=tuple(read.triggers),
        sources=tuple(read.sources),
    )


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8 text.", file=path.name, fix="Save it as UTF-8.") from None


def _syntax_error(error: tomllib.TOMLDecodeError, file: str, text: str) -> InputError:
    """TOML errors carry their place only in the message (Python 3.11)."""
    message = str(error)
    at = re.search(r" \(at line (\d+), column \d+\)| \(at end of document\)", message)
    row = None
    if at:
        row = int(at.group(1)) if at.group(1) else max(1, len(text.splitlines()))
        message = message.replace(at.group(0), "")
    return InputError(
        f"not valid TOML: {message[:1].lower()}{message[1:]}.",
        file=file,
        row=row,
        fix='Text needs "quotes", lists need [ ], and a key may occur once.',
    )
