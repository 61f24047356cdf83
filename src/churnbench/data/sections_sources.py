"""`[[sources]]`: how the queries of some fact tables were written, so that identities can be counted again."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1)]


class _Section(BaseModel):
    """Unknown keys are errors, values are not coerced, instances do not change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=True)


class IdentitySection(_Section):
    """`identity` of a source: the table that says which account a key of the source is."""

    table: Annotated[list[Name], Field(min_length=1, max_length=3)]
    dated: bool = True
    rules: bool = True


class SourceSection(_Section):
    """One `[[sources]]`."""

    name: Name
    schema_name: str | None = Field(default=None, alias="schema")
    tables: dict[str, Name] = Field(default_factory=dict)
    settings: dict[str, str] = Field(default_factory=dict)
    known: Name | None = None
    optional: list[Name] = Field(default_factory=list)
    identity: IdentitySection | None = None
