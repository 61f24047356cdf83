"""A tutorial set of software accounts: one row per account, no id, no dates.

Run from the root of the project: python -m examples.pysurvival_saas.prepare
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from examples.data_folder import main, require


def prepare(data: Path, build: Path) -> list[str]:
    """Write churn.csv as it is; return what was noticed."""
    accounts = pd.read_csv(require(data / "pysurvival_saas_snapshot" / "churn.csv"), dtype=str)
    accounts.to_csv(build / "churn.csv", index=False)
    churned = accounts["churned"] == "1.0"
    by_age = churned.groupby(accounts["months_active"].astype(float)).mean()
    return [
        f"{len(accounts):,} accounts, {churned.mean():.1%} churned",
        f"months_active is part of the outcome and not used: of the accounts at 2, 5 and 6 months "
        f"{by_age[2.0]:.0%}, {by_age[5.0]:.0%} and {by_age[6.0]:.0%} churned",
    ]


if __name__ == "__main__":
    raise SystemExit(main("pysurvival_saas", prepare))
