"""What randomised data say a playbook does: churn of accounts that a coin held out, against those it treated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from churnbench.domain.errors import InputError
from churnbench.interventions.log import InterventionLog
from churnbench.interventions.power import plan
from churnbench.metrics import AccountBootstrap, Estimate, korn_graubard, percentile_estimate

Floats = npt.NDArray[np.float64]

#: With fewer churned accounts in an arm, limits come from exact ones of the two rates, else from resampled accounts.
MIN_RESAMPLED = 10
#: A band is shown with its own effect from so many churned accounts in all and held out.
BAND_EVENTS, BAND_HELD_EVENTS = 20, 5
#: What "about N more" assumes the playbook to prevent, where nothing is known yet.
ASSUMED_REDUCTION = 0.3
#: A split between the arms that a true coin gives less often than this is reported.
_ODD = 0.001
NO_UPLIFT = "No uplift without randomised data."


@dataclass(frozen=True)
class RandomisedEffect:
    """Churn within the window after the coin, by what the coin said (whether or not it was then carried out).

    Attributes:
        held, treated: churn rates of the arms, 0-1.
        risk_difference: treated minus held; negative means that fewer churned.
        relative_reduction: 1 - treated / held: the share of churn that was prevented.
        accounts, events: distinct accounts and churned accounts, (held out, treated).
        coins, churned_coins: entries, and those followed by churn, (held out, treated); the rates are of these. An
            account may have a coin in several periods.
        weighted: whether the chances differ within an arm, so that the rates are no plain shares of the coins.
        days: length of the window after the coin.
        method: how the intervals were made.
        warnings: sentences.
    """

    held: Estimate
    treated: Estimate
    risk_difference: Estimate
    relative_reduction: Estimate
    accounts: tuple[int, int]
    events: tuple[int, int]
    days: int
    method: str
    coins: tuple[int, int]
    churned_coins: tuple[int, int]
    weighted: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def established(self) -> bool:
        """Whether the 90 % interval of the risk difference lies below zero."""
        return self.risk_difference.high is not None and self.risk_difference.high < 0.0

    @property
    def sentence(self) -> str:
        """The finding in plain words."""
        if self.held.value is None or self.treated.value is None:
            return "One of the arms is empty; nothing can be compared."
        (held, treated), (lost, left) = self.coins, self.churned_coins
        rates = (
            f"{self.held.value:.1%} of the coins that held an account out ({lost:,} of {held:,}) and "
            f"{self.treated.value:.1%} of those that treated one ({left:,} of {treated:,})"
        )
        gap, (low, high) = self.risk_difference, (self.risk_difference.low, self.risk_difference.high)
        assert gap.value is not None  # noqa: S101 - both rates exist
        if low is None or high is None:
            return f"{rates} were followed by churn within {self.days} days; the difference has no interval."
        span = f"{100 * gap.value:+.1f} points (90 % interval {100 * low:+.1f} to {100 * high:+.1f})"
        ending = "" if self.established else "; this does not show that the playbook saves accounts"
        how = ", each coin weighted by its chance" if self.weighted else ""
        return f"{rates} were followed by churn within {self.days} days{how}: {span}{ending}."

    @property
    def counts(self) -> dict[str, int]:
        """Accounts, churned accounts, coins and those followed by churn, per arm."""
        named = {
            "accounts": self.accounts,
            "events": self.events,
            "coins": self.coins,
            "churned_coins": self.churned_coins,
        }
        return {f"{arm}_{name}": both[at] for at, arm in enumerate(("held", "treated")) for name, both in named.items()}

    def as_json(self) -> dict[str, Any]:
        """For the evidence."""
        names = ("held", "treated", "risk_difference", "relative_reduction")
        found: dict[str, Any] = {name: getattr(self, name).as_json() for name in names}
        return {
            **found,
            **self.counts,
            "days": self.days,
            "method": self.method,
            "established": self.established,
            "sentence": self.sentence,
        }


def randomised_outcomes(
    log: InterventionLog, churns: pd.DataFrame, *, days: int, through: date, settle_days: int = 0
) -> pd.DataFrame:
    """Entries that a coin decided, with what became of the accounts.

    Args:
        log: the interventions; what became known after `through` is left out.
        churns: account_id, churn_at, involuntary; see `labels.outcomes`.
        days: outcome window after the day of the coin.
        through: last day up to which outcomes are complete.
        settle_days: days until an outcome is on record.

    Returns:
        account_id, started_on, kind, trigger, propensity, treated (bool), y (1.0 churned within `days`, else 0.0), one
        row per mature entry. Entries of accounts that had left already, or that closed down in the window, are left
        out: neither arm could have kept them.

    Raises:
        InputError: when the log holds no randomised row, or none whose window has closed.
    """
    entries = log.randomised
    if entries.empty:
        raise InputError(
            NO_UPLIFT + " The log holds no row that a coin decided.",
            file=log.file,
            column="randomised",
            fix="Hold out 10 to 20 % near the cut-off with `churnbench interventions assign`, and log both arms.",
        )
    names = ["account_id", "started_on", "kind", "trigger", "propensity", "treated"]
    due = entries["started_on"] + pd.Timedelta(days=days + settle_days)
    due = due.where(due > entries["known_on"], entries["known_on"])
    mature = due <= pd.Timestamp(through)
    if not mature.any():
        span = f"{days} days after the coin" + (
            f" and {settle_days} until outcomes are on record" if settle_days else ""
        )
        raise _too_young(entries, due, span, through, log.file)
    left = entries.loc[mature, names].reset_index(drop=True)
    joined = left.reset_index().merge(churns[["account_id", "churn_at", "involuntary"]], on="account_id", how="left")
    after = (joined["churn_at"] - joined["started_on"]).dt.days
    joined["inside"] = (after > 0) & (after <= days)
    joined["closed"] = joined["inside"] & joined["involuntary"].fillna(value=False).astype(bool)
    back = churns["back_on"] if "back_on" in churns else pd.Series(pd.NaT, index=churns.index)
    joined["gone"] = (after <= 0) & ~_returned(joined, churns.assign(back_on=back))
    by_entry = joined.groupby("index")[["inside", "closed", "gone"]].any()
    kept = ~(by_entry["closed"] | by_entry["gone"]).to_numpy(dtype=bool)
    return left.assign(y=by_entry["inside"].to_numpy(dtype=float))[kept].reset_index(drop=True)


def _too_young(entries: pd.DataFrame, due: pd.Series, span: str, through: date, file: str) -> InputError:
    """How many coins there are, and from which day on they can be judged."""
    first, last = f"{entries['started_on'].min():%Y-%m-%d}", f"{entries['started_on'].max():%Y-%m-%d}"
    thrown = "1 coin was" if len(entries) == 1 else f"{len(entries):,} coins were"
    when = f"on {first}" if first == last else f"from {first} to {last}"
    soonest, latest = f"{due.min():%Y-%m-%d}", f"{due.max():%Y-%m-%d}"
    rest = "" if soonest == latest else f"; all of them up to {latest}"
    who = "The first" if rest else "It" if len(entries) == 1 else "They"
    return InputError(
        f"{NO_UPLIFT} {thrown} thrown {when}, and outcomes are complete up to {pd.Timestamp(through):%Y-%m-%d}.",
        file=file,
        column="randomised",
        fix=f"{who} can be judged once outcomes are complete up to {soonest} ({span}){rest}.",
    )


def _returned(joined: pd.DataFrame, churns: pd.DataFrame) -> pd.Series:
    """Whether an account that had left was back on the day of the coin."""
    stays = churns[["account_id", "churn_at", "back_on"]].drop_duplicates(["account_id", "churn_at"])
    back = joined[["account_id", "churn_at"]].merge(stays, on=["account_id", "churn_at"], how="left")["back_on"]
    return pd.Series(back.to_numpy() <= joined["started_on"].to_numpy(), index=joined.index)


def randomised_effect(
    entries: pd.DataFrame, *, days: int, replicates: int = 1000, seed: int = 0, level: float = 0.9
) -> RandomisedEffect:
    """Compare the arms. An entry counts with one over the probability of its arm, so that coins may differ.

    Args:
        entries: from `randomised_outcomes`.
        days: the window used there, for the sentence.
        replicates: account resamples.
        seed: of the resamples.
        level: coverage of the intervals.

    Raises:
        InputError: without entries.

    Source of the limits with few events: Zou & Donner 2008, doi:10.1002/sim.3095 (limits of a difference and of a ratio
        from those of two rates), on the account-level limits of `korn_graubard`.
    """
    if entries.empty:
        raise InputError(
            f"{NO_UPLIFT} Every account that a coin decided on had left before it, or closed down within {days} days.",
            column="randomised",
            fix="Hold out 10 to 20 % near the cut-off with `churnbench interventions assign`, and log both arms.",
        )
    y, treated = entries["y"].to_numpy(dtype=float), entries["treated"].to_numpy(dtype=bool)
    chance = entries["propensity"].to_numpy(dtype=float)
    weight = np.where(treated, 1.0 / chance, 1.0 / (1.0 - chance))
    names = entries["account_id"].to_numpy(dtype=object)
    arms = [~treated, treated]
    accounts = [len(set(names[arm])) for arm in arms]
    events = [len(set(names[arm & (y == 1)])) for arm in arms]
    rates = [
        korn_graubard(y[arm], names[arm], weights=weight[arm] / max(weight[arm].max(), 1.0), level=level)
        if arm.any()
        else Estimate(None)
        for arm in arms
    ]
    if min(events) >= MIN_RESAMPLED:
        bootstrap = AccountBootstrap(names, replicates=replicates, seed=seed)
        columns = [weight * part for arm in arms for part in (arm * y, arm.astype(float))]
        difference, reduction = _resampled(columns, bootstrap, level)
        method = f"{replicates} resamples of accounts"
    else:
        difference, reduction = _combined(rates[0], rates[1])
        method = "limits of the two rates combined (account level), since few accounts churned"
    return RandomisedEffect(
        held=rates[0],
        treated=rates[1],
        risk_difference=difference,
        relative_reduction=reduction,
        accounts=(accounts[0], accounts[1]),
        events=(events[0], events[1]),
        days=days,
        method=method,
        coins=(int(arms[0].sum()), int(arms[1].sum())),
        churned_coins=(int(y[arms[0]].sum()), int(y[arms[1]].sum())),
        weighted=any(arm.any() and np.ptp(weight[arm]) > 0.0 for arm in arms),
        warnings=_odd_split(treated, chance),
    )


def _resampled(columns: list[Floats], bootstrap: AccountBootstrap, level: float) -> tuple[Estimate, Estimate]:
    codes = bootstrap.codes
    whole = np.array([[column.sum() for column in columns]])
    drawn = bootstrap.totals(bootstrap.by_account(codes, *columns))
    found = []
    for sums in (whole, drawn):
        with np.errstate(divide="ignore", invalid="ignore"):
            held, treated = sums[:, 0] / sums[:, 1], sums[:, 2] / sums[:, 3]
            found.append((treated - held, 1.0 - treated / held))
    (gap, less), (gaps, lesses) = found
    return (
        percentile_estimate(float(gap[0]), gaps, level=level),
        percentile_estimate(float(less[0]), lesses, level=level),
    )


def _combined(held: Estimate, treated: Estimate) -> tuple[Estimate, Estimate]:
    """Difference and relative reduction from two rates with limits."""
    if held.value is None or treated.value is None:
        return Estimate(None), Estimate(None)
    a, b = treated.value, held.value
    la, ua, lb, ub = (
        float(end) for end in (treated.low or 0.0, treated.high or 0.0, held.low or 0.0, held.high or 0.0)
    )
    low = a - b - np.sqrt((a - la) ** 2 + (ub - b) ** 2)
    high = a - b + np.sqrt((ua - a) ** 2 + (b - lb) ** 2)
    difference = Estimate(a - b, float(max(low, -1.0)), float(min(high, 1.0)))
    if b == 0.0 or lb == 0.0:
        # Without a lower limit above zero on the held-out churn, the ratio has no upper one.
        return difference, Estimate(None if b == 0.0 else 1.0 - a / b)
    smallest = (a * b - np.sqrt(max(0.0, (a * b) ** 2 - la * ub * (2 * a - la) * (2 * b - ub)))) / (ub * (2 * b - ub))
    largest = (a * b + np.sqrt(max(0.0, (a * b) ** 2 - ua * lb * (2 * a - ua) * (2 * b - lb)))) / (lb * (2 * b - lb))
    if not (np.isfinite(smallest) and np.isfinite(largest)) or 2 * b - ub <= 0.0:
        return difference, Estimate(1.0 - a / b)
    return difference, Estimate(1.0 - a / b, float(1.0 - largest), float(1.0 - max(smallest, 0.0)))


def _odd_split(treated: npt.NDArray[np.bool_], chance: Floats) -> tuple[str, ...]:
    """Whether the arms are as large as the coins say."""
    spread = float(np.sqrt((chance * (1.0 - chance)).sum()))
    z = (float(treated.sum()) - float(chance.sum())) / spread
    if 2.0 * float(stats.norm.sf(abs(z))) >= _ODD:
        return ()
    return (
        f"The coins should have treated about {chance.sum():.0f} of {len(chance)} entries and treated {treated.sum()}: "
        "rows of one arm are missing from the log, or something other than the coin decided. The effect below is not "
        "to be trusted until this is explained.",
    )


def uplift_by_band(
    entries: pd.DataFrame, bands: pd.Series, *, days: int, replicates: int = 1000, seed: int = 0
) -> list[dict[str, Any]]:
    """The effect per band, where enough accounts churned; else how many more randomised accounts would settle it.

    Args:
        entries: from `randomised_outcomes`.
        bands: band of each entry's account before the coin, same index; missing where unknown (left out).
        days: the window used there.
        replicates: account resamples.
        seed: of the resamples.

    Returns:
        band; held_ and treated_ accounts, events, coins, churned_coins; effect (as JSON, or null), more_accounts (or
        null), sentence.
    """
    found = []
    for band in dict.fromkeys(bands.dropna()):
        part = entries[(bands == band).to_numpy()]
        effect = randomised_effect(part, days=days, replicates=replicates, seed=seed)
        enough = sum(effect.events) >= BAND_EVENTS and effect.events[0] >= BAND_HELD_EVENTS
        more = None if enough else _more_accounts(part, effect, entries)
        found.append(
            {
                "band": str(band),
                **effect.counts,
                "effect": effect.as_json() if enough else None,
                "more_accounts": more,
                "sentence": effect.sentence
                if enough
                else f"Not enough churned accounts in band {band} yet: about {more:,} more randomised accounts.",
            }
        )
    return found


def _more_accounts(part: pd.DataFrame, effect: RandomisedEffect, entries: pd.DataFrame) -> int:
    """Randomised accounts still missing to see a reduction of 30 %, at the churn seen so far."""
    rate = effect.held.value or float(part["y"].mean()) or float(entries["y"].mean()) or 0.02
    share = float(np.clip(1.0 - part["propensity"].mean(), 0.01, 0.99))
    needed = plan(min(rate, 0.95), ASSUMED_REDUCTION, share=share).accounts
    return max(1, needed - int(part["account_id"].nunique()))
