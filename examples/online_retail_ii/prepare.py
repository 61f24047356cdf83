"""Online Retail II: invoices of a UK gift wholesaler as events; churn is 90 days without a purchase.

Run from the root of the project: python -m examples.online_retail_ii.prepare
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from examples.data_folder import main, require
from examples.silences import first_purchases, silence_outcomes

SILENCE_DAYS = 90


def prepare(data: Path, build: Path) -> list[str]:
    """Write invoices.csv, accounts.csv and outcomes.csv; return what was noticed."""
    source = require(data / "online_retail_ii_invoices" / "invoices.csv")
    invoices = pd.read_csv(source, dtype={"customer_id": str}, parse_dates=["invoice_ts"])
    invoices = invoices.rename(columns={"customer_id": "account_id"}).sort_values(["account_id", "invoice_ts"])
    invoices["type"] = (invoices["units_bought"] > 0).map({True: "purchase", False: "return"})
    invoices["refund"] = invoices["refund"].abs()  # the file writes "no refund" as -0.0
    day = invoices["invoice_ts"].dt.normalize()
    purchases = invoices.assign(day=day)[invoices["type"] == "purchase"]
    outcomes = silence_outcomes(purchases, SILENCE_DAYS, day.max())
    accounts = first_purchases(purchases).reset_index()
    country = purchases.groupby("account_id")["country"].first()  # as on the first invoice: known from the start
    accounts["segment"] = (accounts["account_id"].map(country) == "United Kingdom").map({True: "UK", False: "Abroad"})
    invoices.to_csv(build / "invoices.csv", index=False)
    accounts.to_csv(build / "accounts.csv", index=False)
    outcomes.to_csv(build / "outcomes.csv", index=False)
    only_returns = invoices["account_id"].nunique() - len(accounts)
    kinds = outcomes["kind"].value_counts()
    return [
        f"{len(invoices):,} invoices, {(invoices['type'] == 'return').sum():,} of them returns only; "
        f"{len(accounts):,} customers with a purchase ({only_returns} with returns only are left out)",
        f"{kinds['churn']:,} silences of {SILENCE_DAYS} days complete by {day.max():%Y-%m-%d}; "
        f"{kinds['reactivation']:,} are ended by a later purchase",
    ]


if __name__ == "__main__":
    raise SystemExit(main("online_retail_ii", prepare))
