"""The proofs, one visible table: what each one runs, and how its figures become promises."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import pandas as pd

from proofs import care, gate, interventions, leaks, releases, segments
from proofs.books import preset_formula
from proofs.coverage_section import coverage_section
from proofs.montecarlo import Average, Share
from proofs.page import Promise, Section
from proofs.sizes import COVERAGE, Size
from proofs.truth import expert_formula
from proofs.watching_section import watching_section

_FALSE = 0.05
#: Where a share is measured; a hundred null worlds must all be kept.
_MANY = ("right experts",)


@dataclass(frozen=True)
class Proof:
    """One proof: a title, and a function of size and processes that gives text, promises and tables."""

    title: str
    run: Callable[[Size, int], tuple[str, list[Promise], dict[str, list[dict[str, str]]]]]


def run_proof(name: str, size: Size, jobs: int, command: str) -> Section:
    """Run one entry of `PROOFS`."""
    begun = time.perf_counter()
    text, promises, tables = PROOFS[name].run(size, jobs)
    return Section(name, PROOFS[name].title, text, promises, tables, command, time.perf_counter() - begun)


def _gate(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    kinds = gate.cases(books=size.population)
    tables = {name: gate.run(case, size.books if name in _MANY else size.some, jobs) for name, case in kinds.items()}
    pair = gate.equals(books=size.population)
    equal = gate.run_equals(pair, size.books, jobs)
    right, null = tables["right experts"], tables["null world"]
    false = Share.of((right["verdict"] == "promote") & (right["true_gain"] <= 0))
    edge = Share.of(equal["verdict"] == "promote")
    nulls = int((null["verdict"] == "promote").sum())
    promises = [
        Promise(
            "gate",
            "false promotion: today's formula is already right",
            str(false),
            "at most 0.05 + 2 se",
            false.at_most(_FALSE),
            false.replicates,
        ),
        Promise(
            "gate",
            "false promotion: two equally good formulas, no guards",
            str(edge),
            "at most 0.05 + 2 se",
            edge.at_most(_FALSE),
            edge.replicates,
        ),
        Promise("gate", "promotions in worlds without signal", f"{nulls} of {len(null)}", "0", nulls == 0, len(null)),
    ]
    every = pd.concat(tables.values(), ignore_index=True)
    text = (
        f"Books of {gate.RECIPE.accounts:,} accounts over {gate.RECIPE.months} months. The gate with all its guards, "
        "except for the equal formulas, where it stands bare (their difference in the population is "
        f"{pair.gap:+.5f} log loss). "
        "A promotion is false when the candidate's log loss in the population is not lower."
    )
    power = every[every["true_gain"].notna()].copy()
    return (
        text,
        promises,
        {
            "Verdicts": _verdicts(every),
            "Power by churned accounts in the holdout, candidates that are truly better by the margin": _power(power),
        },
    )


def _verdicts(table: pd.DataFrame, by: str = "case") -> list[dict[str, str]]:
    rows = []
    for name, group in table.groupby(by, sort=False):
        counts = group["verdict"].value_counts()
        row = {
            str(by): str(name),
            "books": str(len(group)),
            "churned in training": f"{group['events'].mean():.0f}",
            "in the holdout": f"{group['holdout_events'].mean():.0f}",
        }
        for verdict in (
            "promote",
            "keep-equivalent",
            "reject",
            "not-enough-evidence",
            "descriptive-only",
            "no holdout",
        ):
            row[verdict] = str(int(counts.get(verdict, 0)))
        gain = Average.of(group["true_gain"])
        row["true gain in log loss"] = "" if math.isnan(gain.value) else f"{gain.value:+.4f}"
        worse = group["true_gain"] <= 0
        promoted = worse & (group["verdict"] == "promote")
        for words, hits in (("truly not better", worse), ("of them promoted", promoted)):
            row[words] = "" if math.isnan(gain.value) else str(int(hits.sum()))
        rows.append(row)
    return rows


def _power(table: pd.DataFrame) -> list[dict[str, str]]:
    # The margin is 1 % of the null log loss, about .0011 at these base rates.
    better = table[table["true_gain"] >= 0.0011]
    edges = [0, 20, 40, 80, 160, 320, 100_000]
    rows = []
    for low, high in pairwise(edges):
        group = better[(better["holdout_events"] > low) & (better["holdout_events"] <= high)]
        if len(group):
            rows.append(
                {
                    "churned in the holdout": f"{low + 1} to {high}" if high < 100_000 else f"over {low}",
                    "books": str(len(group)),
                    "promoted": str(Share.of(group["verdict"] == "promote")),
                    "mean true gain": f"{group['true_gain'].mean():.4f}",
                }
            )
    return rows


def _sizes(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    truth, later = gate.population(gate.RECIPE, size.population)
    spec = preset_formula()
    found = []
    for kind, formula in (("usual experts", spec), ("right experts", expert_formula(truth, spec))):
        for accounts, books in size.sizes.items():
            case = gate.Case(f"{accounts:,} accounts, {kind}", replace(gate.RECIPE, accounts=accounts), formula, later)
            found.append(gate.run(case, books, jobs, first=5000))
    every = pd.concat(found, ignore_index=True)
    judged = every[every["true_gain"].notna()]
    promises = []
    for name, group in judged.groupby("case", sort=False):
        false = Share.of((group["verdict"] == "promote") & (group["true_gain"] <= 0))
        promises.append(
            Promise(
                "sizes",
                f"false promotion, {name}",
                str(false),
                "at most 0.05 + 2 se",
                false.at_most(_FALSE),
                false.replicates,
            )
        )
    text = "The same world with small and large books: what the gate says, and how sure one must be of its silence."
    return (
        text,
        promises,
        {"Verdicts by size": _verdicts(every), "Power by churned accounts in the holdout": _power(judged)},
    )


def _care(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    tables = [care.run(company, size.some, jobs) for company in care.companies(books=size.population)]
    rows, promises = [], []
    for table in tables:
        name = str(table["company"].iloc[0])
        covered = Share.of((table["low"] <= table["live"]) & (table["live"] <= table["high"]))
        rows.append(
            {
                "company": name,
                "books": str(len(table)),
                "candidate AUC": str(Average.of(table["auc"])),
                "live AUC under the same care": str(Average.of(table["live"])),
                "churn in the lowest band": f"{table['lowest_band_rate'].mean():.4f}",
                "base rate": f"{table['base_rate'].mean():.4f}",
                "promoted": str(int((table["verdict"] == "promote").sum())),
                "AUC interval covers": str(covered),
            }
        )
    treated = tables[1]
    covered = Share.of((treated["low"] <= treated["live"]) & (treated["live"] <= treated["high"]))
    low = COVERAGE[0] - 2 * covered.error
    promises.append(
        Promise(
            "care",
            "AUC interval under a playbook covers the AUC under current care",
            str(covered),
            f"{COVERAGE[0]} to {COVERAGE[1]}, 2 se allowed",
            low <= covered.value <= COVERAGE[1] + 2 * covered.error,
            covered.replicates,
        )
    )
    c = care.CARE
    text = (
        f"A playbook that {c.treated:.0%} of the lowest {c.trigger:.0%} of accounts get and that takes "
        f"{1 - c.effect:.0%} off their hazard for {c.months} months. A success of the playbook looks like a failure of "
        "the model: the accounts it ranked worst stay. What the workbench estimates is the risk under current care."
    )
    return text, promises, {"The same world, left alone and cared for": rows}


def _leaks(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    return leaks.section(size.leaks, size.clean, jobs)


def _segments(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    ways = ("one profile", "pooled", "no pooling")
    rows, promises = [], []
    for contrast in segments.CONTRASTS:
        table = segments.run(segments.company(contrast, books=size.population // 2), size.segments, jobs)
        by_book = table.groupby("seed")[[*ways, "covered", "adopted"]].mean()
        covered = Average.of(by_book["covered"])
        errors = {way: Average.of(by_book[way]) for way in ways}
        rows.append(
            {
                "contrast of the world": f"{contrast:g}",
                "books": str(len(by_book)),
                **{f"error, {way}": str(error) for way, error in errors.items()},
                "profiles adopted": str(int(by_book["adopted"].sum())),
                "90 % intervals cover": str(covered),
            }
        )
        promises.append(
            Promise(
                "segments",
                f"90 % interval of segment weights, contrast {contrast:g}",
                f"{covered} covered",
                f"{COVERAGE[0]} to {COVERAGE[1]}, 2 se allowed",
                COVERAGE[0] - 2 * covered.error <= covered.value <= COVERAGE[1] + 2 * covered.error,
                covered.replicates,
            )
        )
        gain = Average.of(by_book["one profile"] - by_book["pooled"])
        promises.append(
            Promise(
                "segments",
                f"weights of segments, contrast {contrast:g}: error with one profile minus error pooled",
                f"{gain.value:+.4f} ± {gain.error:.4f}",
                "not below 0 by more than 2 se" if contrast < 2 else "above 0 by 2 se",
                gain.value >= 2 * gain.error * (1 if contrast >= 2 else -1),
                gain.replicates,
            )
        )
    text = (
        f"Books of {segments.RECIPE.accounts:,} accounts over {segments.RECIPE.months} months; true weights of one "
        "segment are those of the same formula learned from its population alone. Total-variation error of "
        "dimension weights, segments with 50 churned accounts or more; profiles as learned, adopted or not."
    )
    return text, promises, {"Segment weights beside the truth": rows}


def _interventions(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    return interventions.section(size.some, size.population, jobs)


def _releases(size: Size, jobs: int) -> tuple[str, list[Promise], dict[str, list[dict[str, str]]]]:
    return releases.section(size.some, size.population, jobs)


#: name -> proof, in the order of the page.
PROOFS: dict[str, Proof] = {
    "coverage": Proof("Intervals, promises and weights against the truth", coverage_section),
    "gate": Proof("The gate", _gate),
    "releases": Proof("The review after a release", _releases),
    "sizes": Proof("Small and large books", _sizes),
    "segments": Proof("Weights of segments", _segments),
    "care": Proof("Interventions", _care),
    "interventions": Proof("What a playbook saves, and scores under treatment", _interventions),
    "leaks": Proof("Planted leaks", _leaks),
    "monitoring": Proof("Monitoring", watching_section),
}
