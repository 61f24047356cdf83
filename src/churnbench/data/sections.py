"""The sections of `churnbench.toml` as typed settings; docs/project-file.md is their reference."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from churnbench.data.computed import Aggregate, Scalar
from churnbench.data.sections_history import HistorySection
from churnbench.data.sections_playbooks import Playbooks, PlaybooksSection, TriggerSection
from churnbench.data.sections_sources import SourceSection

IDENTIFIER = r"^[A-Za-z_][A-Za-z0-9_]{0,62}$"
#: Cells that mean "no value" in number and date columns unless the project says otherwise.
#: Validation context of a project whose history is still to be written: `[data]` may have none.
UNFINISHED = "unfinished"
DEFAULT_MISSING = ("", "NA", "NaN", "nan", "NULL", "null")


def _as_date(value: object) -> object:
    """TOML has dates of its own; quoted ISO dates are accepted too."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return value
    return value


def _as_location(value: object) -> object:
    return {"path": value} if isinstance(value, str) else value


def _as_list(value: object) -> object:
    return [value] if isinstance(value, dict) else value


Day = Annotated[date, BeforeValidator(_as_date)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
Name = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Days = Annotated[int, Field(ge=0, le=3660)]
Window = Annotated[int, Field(ge=1, le=3660)]
Weight = Annotated[float, Field(ge=0, lt=1e9, allow_inf_nan=False)]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are not coerced, instances do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class Location(Section):
    """Where a table lies: a file or glob relative to the project file, or a query on `data.database`."""

    path: Name | None = None
    sql: Name | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Location:
        if (self.path is None) == (self.sql is None):
            raise ValueError("give either a path or sql, not both and not neither")
        return self


Table = Annotated[Location, BeforeValidator(_as_location)]


class FactTable(Section):
    """`[[data.facts]]`: one row per thing that happened to an account."""

    name: Identifier
    path: Name | None = None
    sql: Name | None = None
    account: Name = "account_id"
    event_time: Name
    known_time: Name | None = None
    deduplicate: Name | None = None

    @property
    def location(self) -> Location:
        """Where the rows lie."""
        return Location(path=self.path, sql=self.sql)

    @model_validator(mode="after")
    def _located(self) -> FactTable:
        if (self.path is None) == (self.sql is None):
            raise ValueError("give either a path or sql, not both and not neither")
        return self


class DataSection(Section):
    """`[data]`: exactly one of snapshots, facts and table."""

    snapshots: Table | None = None
    facts: list[FactTable] = Field(default_factory=list)
    table: Table | None = None
    id: Name | None = None
    label: Name | None = None
    label_positive: Scalar | None = None
    segment: Name | None = None
    outcomes: Table | None = None
    accounts: Table | None = None
    interventions: Table | None = None
    missing_values: list[str] | None = None
    database: Name | None = None

    @property
    def kind(self) -> Literal["snapshots", "facts", "table"]:
        """Which of the three shapes the history has."""
        if self.snapshots is not None:
            return "snapshots"
        return "facts" if self.facts else "table"

    @property
    def missing(self) -> tuple[str, ...]:
        """Cells that mean "no value" in number and date columns."""
        return DEFAULT_MISSING if self.missing_values is None else ("", *self.missing_values)

    @property
    def missing_text(self) -> tuple[str, ...]:
        """Cells that mean "no value" in text columns: "NA" may be a region, so only what was asked for."""
        return ("",) if self.missing_values is None else ("", *self.missing_values)

    @model_validator(mode="after")
    def _one_history(self, info: ValidationInfo) -> DataSection:
        given = [n for n, v in (("snapshots", self.snapshots), ("facts", self.facts), ("table", self.table)) if v]
        if not given and info.context == UNFINISHED:
            return self
        if len(given) != 1:
            found = f"{' and '.join(given)}: take out what the other replaces" if given else "none"
            raise ValueError(f"[data] needs exactly one of snapshots, [[data.facts]] and table; found {found}")
        if given == ["table"]:
            if self.label is None or self.label_positive is None:
                raise ValueError('a table needs label = "COLUMN" and label_positive = VALUE under [data]')
        elif self.outcomes is None:
            raise ValueError('dated data need outcomes = "outcomes.csv" under [data] (account_id, churned_on)')
        names = [fact.name for fact in self.facts]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two [[data.facts]] are named '{twice}'; give each its own name")
        return self


class SnapshotSection(Section):
    """`[snapshots]`: which as-of dates; `every` and `lookback_days` are for fact tables only."""

    every: Literal["week", "month", "quarter"] = "month"
    first: Day | None = Field(default=None, alias="from")
    until: Day | None = None
    lookback_days: Window = 180


class LabelSection(Section):
    """`[label]`: the outcome window and who is eligible."""

    gap_days: Days = 14
    horizon_days: Window = 90
    data_through: Day | None = None
    min_tenure_days: Days = 90
    settle_days: Days | None = None
    contraction_share: Share = 0.20


class BacktestSection(Section):
    """`[backtest]`: where the walk-forward folds begin."""

    origins: Literal["month", "quarter", "year"] = "quarter"
    holdout_quarters: Annotated[int, Field(ge=1, le=20)] = 2
    min_train_events: Annotated[int, Field(ge=1)] | None = None
    window: Literal["expanding", "rolling"] = "expanding"
    rolling_months: Annotated[int, Field(ge=1, le=240)] = 24


class CalibrationSection(Section):
    """`[calibration]`: which derivation becomes the candidate, and the limits on it."""

    derive: Literal["anchored", "distilled", "shap_slope", "shap_share"] = "anchored"
    shapes: Literal["declared", "audited", "free"] = "audited"
    max_metric_share: Annotated[float, Field(gt=0, le=1)] | None = None
    dimension_share: Annotated[list[Share], Field(min_length=2, max_length=2)] | None = None
    leading_share: Annotated[list[Share], Field(min_length=2, max_length=2)] | None = None
    max_move_points: Annotated[float, Field(gt=0, le=100)] | None = None
    display_map: bool = True
    bootstrap: Annotated[int, Field(ge=0, le=10000)] = 200
    segments: Name | None = None

    @model_validator(mode="after")
    def _ascending(self) -> CalibrationSection:
        for key in ("dimension_share", "leading_share"):
            pair = getattr(self, key)
            if pair is not None and pair[0] > pair[1]:
                raise ValueError(f"{key} = {pair} must be [lowest, highest]")
        return self


class ThresholdSection(Section):
    """`[thresholds]`: how the cut-offs are chosen."""

    by: Literal["risk", "capacity", "cost"] = "risk"
    green_risk: Annotated[float, Field(gt=0, lt=1)] | None = None
    red_risk: Annotated[float, Field(gt=0, lt=1)] | None = None
    capacity: Annotated[int, Field(ge=1)] | None = None
    contact_cost: Annotated[float, Field(ge=0)] | None = None
    save_rate: Annotated[float, Field(gt=0, le=1)] | None = None
    value: Name | None = None
    delta: Annotated[float, Field(gt=0, lt=1)] = 0.10

    @model_validator(mode="after")
    def _complete(self) -> ThresholdSection:
        needed = {"risk": (), "capacity": ("capacity",), "cost": ("contact_cost", "save_rate")}
        absent = [key for key in needed[self.by] if getattr(self, key) is None]
        if absent:
            raise ValueError(f'thresholds by = "{self.by}" also needs {" and ".join(absent)}')
        if self.green_risk is not None and self.red_risk is not None and self.green_risk >= self.red_risk:
            raise ValueError(f"green_risk {self.green_risk} must be below red_risk {self.red_risk}")
        return self


class TrackingSection(Section):
    """`[tracking]`: where MLflow keeps the runs."""

    uri: Name = "sqlite:///mlruns/mlflow.db"
    experiment: Name | None = None


class ChecksSection(Section):
    """`[checks.allow]`: written reasons that override a blocking check, by check id or column."""

    allow: dict[str, Annotated[str, Field(min_length=10)]] = Field(default_factory=dict)


class WhereSection(Section):
    """One condition of a computed metric."""

    column: Name
    equals: Scalar | None = None
    not_equals: Scalar | list[Scalar] | None = None
    any_of: Annotated[list[Scalar], Field(min_length=1)] | None = Field(default=None, alias="in")
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _compares(self) -> WhereSection:
        if all(v is None for v in (self.equals, self.not_equals, self.any_of, self.at_least, self.at_most)):
            raise ValueError("a condition needs equals, not_equals, in, at_least or at_most")
        return self


class DimensionSection(Section):
    """`[[formula.dimensions]]`: for an id of the preset only what differs (a label renames it), else with weight."""

    id: Identifier
    weight: Weight | None = None
    label: Name | None = None


class MetricSection(Section):
    """`[[formula.metrics]]`: what differs from the preset or the catalogue; else the whole declaration."""

    id: Identifier
    dimension: Identifier | None = None
    weight: Weight | None = None
    direction: Literal["higher_is_healthier", "lower_is_healthier"] | None = None
    leading: bool | None = None
    missing: Literal["skip", "neutral", "worst"] | None = None
    neutral: Annotated[float, Field(ge=0, le=100)] | None = None
    normalise: dict[str, Any] | None = None
    unit: Name | None = None
    label: Name | None = None
    column: Name | None = None
    source: Name | None = None
    agg: Aggregate | None = None
    window_days: Window | None = None
    where: Annotated[list[WhereSection], BeforeValidator(_as_list)] = Field(default_factory=list)
    of: Literal["count", "sum", "mean", "last"] | None = None
    min_days: Window | None = None
    max_days: Window | None = None
    ratio: Annotated[list[Name], Field(min_length=2, max_length=2)] | None = None
    helper: bool = False


class CapSection(Section):
    """`[[formula.caps]]`: the score is at most max_score where the condition holds."""

    id: Identifier
    input: Identifier
    op: Literal["<", ">=", "="]
    value: Scalar
    max_score: Annotated[float, Field(ge=0, le=100)]


class RampSection(Section):
    """`[formula.ramp]`: multiplier of young accounts' total by days of tenure."""

    input: Identifier = "days_since_start"
    points: Annotated[list[Annotated[list[float], Field(min_length=2, max_length=2)]], Field(min_length=2)]


class RiskFactorSection(Section):
    """`[[formula.risk_factors]]`: for an id of the preset's register only what differs; severity = "off" removes it."""

    id: Identifier
    metric: Identifier | None = None
    op: Literal["<", ">=", "="] | None = None
    value: Scalar | None = None
    severity: Name | None = None
    label: Name | None = None


class FormulaSection(Section):
    """`[formula]`. Without any declaration the preset is four-dimensions; with one, none."""

    preset: Name | None = None
    dimensions: list[DimensionSection] = Field(default_factory=list)
    metrics: list[MetricSection] = Field(default_factory=list)
    leave_out: list[Name] = Field(default_factory=list)
    bands: list[Annotated[list[str | float], Field(min_length=2, max_length=2)]] | None = None
    min_coverage: Share | None = None
    segment_weights: dict[str, dict[str, Weight]] | None = None
    caps: list[CapSection] = Field(default_factory=list)
    ramp: RampSection | None = None
    motions: dict[str, Name] | None = None
    typical_ranges: dict[str, Annotated[list[float], Field(min_length=2, max_length=2)]] | None = None
    risk_factors: list[RiskFactorSection] = Field(default_factory=list)
    severity_points: dict[str, Annotated[float, Field(ge=0, le=1000)]] | None = None


class ProjectSection(Section):
    """`[project]`."""

    name: Name


class ProjectFile(Section):
    """The whole file."""

    project: ProjectSection
    data: DataSection
    snapshots: SnapshotSection = SnapshotSection()
    label: LabelSection = LabelSection()
    formula: FormulaSection = FormulaSection()
    backtest: BacktestSection = BacktestSection()
    calibration: CalibrationSection = CalibrationSection()
    thresholds: ThresholdSection = ThresholdSection()
    tracking: TrackingSection = TrackingSection()
    checks: ChecksSection = ChecksSection()
    history: HistorySection = HistorySection()
    playbooks: Playbooks = PlaybooksSection()
    triggers: list[TriggerSection] = Field(default_factory=list)
    sources: list[SourceSection] = Field(default_factory=list)
