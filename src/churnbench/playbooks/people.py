"""Whose alert it is, and until when: roles to names, working days to dates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from churnbench.data.sections_playbooks import PlaybooksSection

#: What stands for an account's CSM where none is known.
UNASSIGNED = "unassigned"


def owners_of(roles: Sequence[str], csm: pd.Series, settings: PlaybooksSection) -> list[str]:
    """Names of owners, row by row.

    Args:
        roles: "csm" is the account's CSM; "manager" the manager of that CSM, else the role as the settings name it.
        csm: CSM of each account, None unknown.
        settings: `[playbooks]`, with roles and managers.

    Returns:
        A name where one is known, else the role itself; "unassigned" for an account without a CSM.

    >>> settings = PlaybooksSection(roles={"manager": "Grace"}, managers={"Ada": "Barbara"})
    >>> owners_of(["csm", "manager", "manager", "legal"], pd.Series(["Ada", "Ada", None, "Ada"]), settings)
    ['Ada', 'Barbara', 'Grace', 'legal']
    """
    names = [str(name) if isinstance(name, str) and name else None for name in csm]
    return [owner_of(role, name, settings) for role, name in zip(roles, names, strict=True)]


def owner_of(role: str, csm: str | None, settings: PlaybooksSection) -> str:
    """Name of one owner; see `owners_of`."""
    if role == "csm":
        return csm or settings.roles.get("csm", UNASSIGNED)
    if role == "manager" and csm in settings.managers:
        return settings.managers[csm]
    return settings.roles.get(role, role)


def working_days_after(days: Sequence[int], start: pd.Series, settings: PlaybooksSection) -> pd.Series:
    """Dates so many working days after others; Saturdays, Sundays and `[playbooks] holidays` do not count.

    Args:
        days: working days, >= 0. From a Saturday on, 0 days is the Monday after it.
        start: datetime64.
        settings: `[playbooks]`, with holidays.

    >>> friday = pd.Series(pd.to_datetime(["2026-01-30"]))
    >>> working_days_after([1], friday, PlaybooksSection())[0].strftime("%A %d %B")
    'Monday 02 February'
    """
    begin = start.to_numpy().astype("datetime64[D]")
    holidays = np.array(settings.holidays, dtype="datetime64[D]")
    due = np.busday_offset(begin, np.asarray(days, dtype=np.int64), roll="forward", holidays=holidays)
    return pd.Series(due.astype("datetime64[ns]"), index=start.index)
