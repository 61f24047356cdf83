"""`[playbooks]`, `[[triggers]]` of `churnbench.toml`: what raises an alert, and what is done about it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Name = Annotated[str, Field(min_length=1)]
AlertId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
Days = Annotated[int, Field(ge=0, le=3660)]
Window = Annotated[int, Field(ge=1, le=3660)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Kind = Literal[
    "below",
    "falls_below",
    "at_least",
    "falls_by",
    "falls_share",
    "several_down",
    "any_falls_below",
    "band_change",
    "velocity",
    "absent",
    "renewal",
    "cadence",
]


def _as_names(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _as_section(value: object) -> object:
    """`[[playbooks]]` alone is short for `[[playbooks.own]]`: TOML allows a name to be a table or a list, not both."""
    return {"own": value} if isinstance(value, list) else value


def _as_day(value: object) -> object:
    return str(value)[:10]


class _Section(BaseModel):
    """As every section: unknown keys are errors, values are not coerced, instances do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class TriggerSection(_Section):
    """`[[triggers]]`: for an id of the defaults only what differs, else the whole declaration."""

    id: AlertId
    label: Name | None = None
    kind: Kind | None = None
    of: Annotated[list[Name], Field(min_length=1), BeforeValidator(_as_names)] | None = None
    value: Number | None = None
    clear: Number | None = None
    points: Annotated[float, Field(gt=0)] | None = None
    share: Annotated[float, Field(gt=0, le=1)] | None = None
    days: Window | None = None
    per_day_from: Number | None = None
    per_day_to: Number | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    every_days: Window | None = None
    bands: Annotated[list[Name], Field(min_length=1)] | None = None
    segments: Annotated[list[Name], Field(min_length=1)] | None = None
    renewal_within_days: Window | None = None
    owner: Name | None = None
    due_days: Days | None = None
    cool_down_days: Days | None = None
    playbook: AlertId | None = None
    enabled: bool | None = None


class ActionSection(_Section):
    """One step of a playbook."""

    action: Name
    owner: Name
    within_days: Days
    success: Name


class PlaybookSection(_Section):
    """`[[playbooks.own]]`: replaces a playbook of that id whole, or adds one."""

    id: AlertId
    label: Name
    actions: Annotated[list[ActionSection], Field(min_length=1)]


class WebhookSection(_Section):
    """`[playbooks.webhook]`: how alerts are sent; secrets stand as `${NAME}` of environment variables."""

    headers: dict[str, str] = Field(default_factory=dict)
    attempts: Annotated[int, Field(ge=1, le=20)] = 5
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0


class PlaybooksSection(_Section):
    """`[playbooks]`: whether the shipped triggers are in use, who is who, and how many alerts are too many."""

    use: Literal["default", "none"] = "default"
    own: list[PlaybookSection] = Field(default_factory=list)
    roles: dict[str, Name] = Field(default_factory=dict)
    managers: dict[str, Name] = Field(default_factory=dict)
    holidays: list[Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$"), BeforeValidator(_as_day)]] = Field(
        default_factory=list
    )
    per_csm_week: Annotated[int, Field(ge=1)] | None = None
    webhook: WebhookSection = WebhookSection()


Playbooks = Annotated[PlaybooksSection, BeforeValidator(_as_section)]
