"""What the assembly noticed and a person should know."""

from __future__ import annotations

from datetime import date

import pandas as pd

from churnbench.data.hints import listed
from churnbench.data.project import Project
from churnbench.domain.errors import InputError
from churnbench.labels.outcomes import Outcomes


def account_warnings(
    frame: pd.DataFrame, outcomes: pd.DataFrame, file: str, accounts: pd.DataFrame | None
) -> list[str]:
    """Accounts that one table knows and another does not.

    Raises:
        InputError: the tables have no account in common: their ids are written differently.
    """
    here = set(frame["account_id"])
    known = here | (set() if accounts is None else set(accounts["account_id"]))
    named = sorted(set(outcomes["account_id"]))
    strange = [name for name in named if name not in known]
    warnings = []
    if named and len(strange) == len(named):
        raise _no_match(file, named[0], here)
    if strange:
        warnings.append(f"{file}: {len(strange)} accounts are unknown and do not count: {listed(strange, 5)}.")
    if accounts is not None:
        described = set(accounts["account_id"])
        if not here & described:
            raise _no_match("the accounts table", next(iter(sorted(described)), "nothing"), here)
        without = sorted(here - described)
        if without:
            warnings.append(f"{len(without)} accounts are not in the accounts table: {listed(without, 5)}.")
    return warnings


def _no_match(file: str, example: str, here: set[str]) -> InputError:
    return InputError(
        f"no account matches: here they are named like '{example}', the snapshots have '{min(here)}'.",
        file=file,
        column="account_id",
        fix="Write the ids the same way in all files (leading zeros count).",
    )


def attribute_warnings(frame: pd.DataFrame, accounts: pd.DataFrame | None, project: Project) -> list[str]:
    """Attributes that are unknown or only known as of today."""
    warnings = []
    if frame["started_on"].isna().all() and project.label.min_tenure_days > 0:
        warnings.append("No started_on is known, so that the minimum tenure could not be applied.")
    stale = accounts is not None and accounts["renewal_on"].notna().any()
    if stale and frame["renewal_on"].notna().any() and project.data.snapshots is None:
        warnings.append("renewal_on comes from the accounts table as it is today, not as it was known on each date.")
    return warnings


def date_warnings(frame: pd.DataFrame, outcomes: Outcomes, through: date, *, declared: bool) -> list[str]:
    """Dates beyond the end of the data."""
    warnings = []
    if not declared:
        warnings.append(
            f"label.data_through is not set; outcomes count as complete up to {through}, the last date seen."
        )
    end = pd.Timestamp(through)
    later = int((outcomes.churns["churn_at"] > end).sum())
    if later:
        warnings.append(f"{later} churns are dated after data_through ({through}); labels do not use them.")
    future = int((frame["as_of"] > end).sum())
    if future:
        warnings.append(f"{future} snapshots are dated after data_through ({through}) and have no label yet.")
    return warnings
