"""From the replicates of the coverage proof to promises and tables."""

from __future__ import annotations

import math

import pandas as pd

from proofs import coverage
from proofs.montecarlo import Average, Share
from proofs.page import Promise
from proofs.sizes import COVERAGE, FULL, Size

_PROMISE, _VARIATION = 0.10, 0.12


def coverage_section(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    """Run the coverage proof: text, promises and tables."""
    found = coverage.run(size.books, jobs, coverage.prepare(books=size.population), size.first)
    claims, recovery = found["claims"], found["recovery"]
    promises, rows = [], []
    for quantity, group in claims.groupby("quantity", sort=False):
        books = int(group["seed"].nunique())
        share = _clustered(group)
        # A few books scatter more than the limits are apart: a true .90 has two errors of .095 at 40 books.
        slack = 0.0 if books >= FULL.books else 2 * math.sqrt(0.09 / books)
        low, high = COVERAGE[0] - slack, COVERAGE[1] + slack
        promises.append(
            Promise(
                "coverage",
                f"90 % interval of {quantity}",
                f"{share} covered",
                f"{COVERAGE[0]} to {COVERAGE[1]}" + (", 2 se allowed" if slack else ""),
                share.within(low, high),
                books,
            )
        )
        for item, part in group.groupby("item", sort=False):
            rows.append(
                {
                    "interval": str(quantity),
                    "of": str(item),
                    "covered": str(Share.of(part["covered"])),
                    "truth below": f"{(part['truth'] < part['low']).mean():.3f}",
                    "truth above": f"{(part['truth'] > part['high']).mean():.3f}",
                    "mean estimate": f"{part['value'].mean():.4f}",
                    "mean truth": f"{part['truth'].mean():.4f}",
                    "mean width": f"{(part['high'] - part['low']).mean():.4f}",
                    "standard error of the truth": _known_to(part["truth_error"]),
                }
            )
    promises += _kept_promises(found["promises"]) + _recovered(recovery) + _alive(found["live"])
    events = recovery["events"].mean()
    text = (
        f"Books of {coverage.RECIPE.accounts:,} accounts over {coverage.RECIPE.months} months, on average {events:.0f} "
        "churned accounts in training, today's formula the preset. Each book goes through the product's own fitting, "
        f"cut-offs and holdout. True weights were learned from {size.population * coverage.RECIPE.accounts:,} other "
        f"accounts of the same kind; what the same fitted objects are worth was measured on {_accounts(40, size)} of "
        "them, risk curve and cut-offs on all. True metric weights learned from one half of them and from the other "
        f"are {coverage.halves_apart(books=size.population):.3f} apart. Books are those of seeds {size.first} and on."
    )
    tables = {
        "Coverage by item": rows,
        "Distance of weights from the truth (total variation, 0 the same, 1 nothing in common)": _distances(recovery),
        "Backtest AUC beside live AUC": _live_rows(found["live"]),
        "Cut-offs": _cut_rows(found["promises"]),
    }
    return text, promises, tables


def _known_to(errors: pd.Series) -> str:
    return f"{errors.mean():.4f}" if errors.notna().any() else ""


def _accounts(books: int, size: Size) -> str:
    return f"{min(books, size.population) * coverage.RECIPE.accounts:,}"


def _clustered(group: pd.DataFrame) -> Share:
    """Coverage over all items; the Monte-Carlo error from books, whose items are not independent."""
    per_book = Average.of(group.groupby("seed")["covered"].mean())
    return Share(per_book.value, per_book.error, per_book.replicates)


def _kept_promises(table: pd.DataFrame) -> list[Promise]:
    found = []
    for end, group in table.groupby("end", sort=False):
        for period, words in (("calibrated", "in the period it was chosen on"), ("later", "in the two quarters after")):
            share = Share.of(group[f"{period}_broken"])
            made = int(group["made"].sum())
            found.append(
                Promise(
                    "coverage",
                    f"{end} cut-off breaks its promised risk {words}",
                    f"{share} of books ({made} promised)",
                    f"at most {_PROMISE} + 2 se",
                    share.at_most(_PROMISE),
                    len(group),
                )
            )
    return found


def _recovered(table: pd.DataFrame) -> list[Promise]:
    mean = table.groupby("name", sort=False)[["dimension", "metric", "metric_signed"]].mean()
    books = int(table["seed"].nunique())
    found = []
    for column, words, limit in (
        ("dimension", "dimension weights", _VARIATION),
        ("metric", "metric weights, sign ignored", _VARIATION),
        ("metric_signed", "metric weights with their sign", None),
    ):
        average = Average.of(table.loc[table["name"] == "anchored", column])
        other = float(mean.loc["shap_share", column])
        if limit is not None:
            found.append(
                Promise(
                    "coverage", f"error of {words}", str(average), f"at most {limit}", average.value <= limit, books
                )
            )
        found.append(
            Promise(
                "coverage",
                f"error of {words} below the SHAP share's",
                f"{average.value:.3f} against {other:.3f}",
                "below",
                average.value < other,
                books,
            )
        )
    return found


def _distances(table: pd.DataFrame) -> list[dict[str, str]]:
    rows = []
    for name, group in table.groupby("name", sort=False):
        row = {"way": str(name)}
        for column, words in (("dimension", "dimensions"), ("metric", "metrics"), ("metric_signed", "metrics, signed")):
            average = Average.of(group[column]) if column in group else Average.of([])
            row[words] = "" if math.isnan(average.value) else str(average)
        curve = Average.of(group["curve_error"]) if "curve_error" in group else Average.of([])
        row["curves, points of 100"] = "" if math.isnan(curve.value) else f"{curve.value:.1f} ± {curve.error:.1f}"
        rows.append(row)
    return rows


def _alive(table: pd.DataFrame) -> list[Promise]:
    found = []
    for name, group in table.groupby("name", sort=False):
        gap = Average.of(group["backtest"] - group["live"])
        if "random" in str(name):
            continue
        error = math.hypot(gap.error, float(group["live_error"].mean()))
        found.append(
            Promise(
                "coverage",
                f"purged backtest AUC minus live AUC, {name}",
                f"{gap.value:+.4f} ± {error:.4f}",
                "within 2 se of 0",
                abs(gap.value) <= 2 * error,
                gap.replicates,
            )
        )
    return found


def _live_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "contender": str(name),
            "backtest": str(Average.of(group["backtest"])),
            "live": str(Average.of(group["live"])),
            "difference": str(Average.of(group["backtest"] - group["live"])),
        }
        for name, group in table.groupby("name", sort=False)
    ]


def _cut_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    return [
        {
            "cut-off": str(end),
            "promised in": str(Share.of(group["made"])),
            "mean promise": f"{group['promise'].mean():.4f}",
            "true rate, same period": f"{group.loc[group['made'], 'calibrated_rate'].mean():.4f}",
            "true rate, later": f"{group.loc[group['made'], 'later_rate'].mean():.4f}",
            "broken of those promised, later": str(Share.of(group.loc[group["made"], "later_broken"])),
        }
        for end, group in table.groupby("end", sort=False)
    ]
