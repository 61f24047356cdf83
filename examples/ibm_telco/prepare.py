"""IBM's fictional telephone company: one row per customer, no dates.

Run from the root of the project: python -m examples.ibm_telco.prepare
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from examples.data_folder import main, require


def prepare(data: Path, build: Path) -> list[str]:
    """Write telco.csv as it is; return what was noticed."""
    customers = pd.read_csv(require(data / "ibm_telco_snapshot" / "telco.csv"), dtype=str, keep_default_na=False)
    blank = customers["TotalCharges"].str.strip() == ""
    customers.to_csv(build / "telco.csv", index=False)
    return [
        f"{len(customers):,} customers, {(customers['Churn'] == 'Yes').mean():.1%} churned",
        f"{blank.sum()} blank TotalCharges (tenure 0); the column is not used: it is tenure times price",
    ]


if __name__ == "__main__":
    raise SystemExit(main("ibm_telco", prepare))
