"""Verdicts where the truth is known: departures of champions, a world without any signal, a score that is noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from alert_histories import WINDOW, book, watched_book

from churnbench.data.project import load_project
from churnbench.data.sections_playbooks import PlaybooksSection, TriggerSection
from churnbench.data.simulate import World
from churnbench.data.simulate_facts import facts_project
from churnbench.data.world_facts import FactKnobs
from churnbench.data.world_settings import WorldSettings
from churnbench.playbooks import backtest_triggers, declare, evaluate
from churnbench.workflow.alerting import watch
from churnbench.workflow.health_book import book_of

CHAMPION = TriggerSection(
    id="champion", kind="at_least", of=["champions_left_90d"], value=1, cool_down_days=0, owner="csm"
)
ONLY_CHAMPIONS = """
[playbooks]
use = "none"
[[triggers]]
id = "champion"
kind = "at_least"
of = "champions_left_90d"
value = 1
"""
ALONE = declare(PlaybooksSection(use="none"), [CHAMPION])


def true_alerts(world: World, frame: pd.DataFrame) -> set[tuple[str, pd.Timestamp]]:
    """From the truth alone: an alert at the first reading after a departure, unless one of the last 90 days is still
    being counted."""
    dates = {account: list(rows) for account, rows in frame.groupby("account_id")["as_of"]}
    expected = set()
    for account, left in world.departures.groupby("account_id")["departed_on"]:
        before = False
        for day in dates[account]:
            now = any(day - pd.Timedelta(days=90) < one <= day for one in left)
            if now and not before:
                expected.add((account, day))
            before = now
    return expected


def test_alerts_of_lost_champions_are_the_worlds_true_departures() -> None:
    world = book()
    frame, _ = watched_book(world)
    made = evaluate(frame, ALONE)
    raised = pd.concat([made.over[["account_id", "first_seen"]], made.alerts[["account_id", "first_seen"]]])
    expected = true_alerts(world, frame)
    assert len(expected) > 200
    assert set(raised.itertuples(index=False, name=None)) == expected


def test_the_precision_of_lost_champions_is_the_share_of_true_departures_followed_by_churn() -> None:
    world = book()
    frame, labels = watched_book(world)
    (result,) = backtest_triggers(frame, labels, WINDOW, ALONE, replicates=50).results
    made = evaluate(frame, ALONE)
    raised = pd.concat([made.over[["account_id", "first_seen"]], made.alerts[["account_id", "first_seen"]]])
    churns = world.outcomes[world.outcomes["kind"].eq("churn") & world.outcomes["voluntary"].ne(0)]
    at = churns.assign(at=churns[["churned_on", "known_on"]].min(axis=1)).groupby("account_id")["at"].min()
    kept = labels[labels["status"].isin(["labelled", "too-late"])][["account_id", "as_of"]]
    mature = raised.merge(kept, left_on=["account_id", "first_seen"], right_on=["account_id", "as_of"])
    days = (mature["account_id"].map(at) - mature["first_seen"]).dt.days
    right = days.between(15, 104)
    assert result.alerts == len(mature)
    assert result.hits == int(right.sum())
    assert result.precision.value == pytest.approx(right.mean())


def test_recall_and_lead_time_of_lost_champions_are_those_of_the_true_dates() -> None:
    world = book(3, accounts=1500)
    frame, labels = watched_book(world)
    (result,) = backtest_triggers(frame, labels, WINDOW, ALONE, replicates=50).results
    # Truth alone: who left by choice and when, whose champion left and when, and the dates of the readings.
    churns = world.outcomes[world.outcomes["kind"].eq("churn") & world.outcomes["voluntary"].ne(0)]
    at = churns.assign(at=churns[["churned_on", "known_on"]].min(axis=1)).groupby("account_id")["at"].min()
    read = labels.loc[labels["status"].isin(["labelled", "too-late"]), ["account_id", "as_of"]]
    days_left = (read["account_id"].map(at) - read["as_of"]).dt.days
    foreseeable = set(read.loc[days_left.between(1, 104), "account_id"])
    leads: dict[str, int] = {}
    judged = set(read.itertuples(index=False, name=None))  # mature, and of accounts that are customers long enough
    for account, day in true_alerts(world, frame) & judged:
        lead = (at[account] - day).days if account in foreseeable else 0
        if 15 <= lead <= 104:
            leads[account] = max(lead, leads.get(account, 0))

    assert len(leads) > 20
    assert result.caught == len(leads)
    assert result.recall.value == pytest.approx(len(leads) / len(foreseeable))
    assert result.lead_days.value == pytest.approx(np.median(list(leads.values())))
    # A departure is read at the next month end: all that an alert gives away of the true lead time is that wait. Only
    # what had happened before an account's first reading is alerted later.
    departures = {account: list(days) for account, days in world.departures.groupby("account_id")["departed_on"]}
    began = frame.groupby("account_id")["as_of"].min()
    for account, lead in leads.items():
        waits = [(at[account] - day).days - lead for day in departures[account]]
        assert any(0 <= wait <= 30 for wait in waits) or (at[account] - began[account]).days == lead


def test_departures_that_become_known_late_are_alerted_when_they_become_known(tmp_path: Path) -> None:
    # Facts: a departure becomes known 5 to 30 days after it, and is read at the end of that week.
    settings = WorldSettings(accounts=80, months=14, seed=5, departures=0.05)
    facts_project(settings, tmp_path, FactKnobs(events_per_account_month=2), truth=False)
    path = tmp_path / "churnbench.toml"
    path.write_text(path.read_text().replace('every = "month"', 'every = "week"') + ONLY_CHAMPIONS)
    project = load_project(path)
    watched = watch(project, dict(book_of(project).document))
    made = watched.evaluate()
    raised = pd.concat([made.over, made.alerts])[["account_id", "first_seen", "last_read"]]
    left = pd.read_parquet(tmp_path / "truth_departures.parquet")

    read = watched.history.groupby("account_id")["as_of"].agg(["min", "max"])
    seen = left.merge(read, left_on="account_id", right_index=True)
    # Under watch when it became known, whatever the delay, and for a reading after that.
    late = seen["departed_on"] + pd.Timedelta(days=37)
    seen = seen[(seen["departed_on"] >= seen["min"]) & (late <= seen["max"])]
    met = seen.merge(raised, on="account_id")
    after = met["departed_on"] + pd.Timedelta(days=5)
    inside = met[(met["last_read"] >= after) & (met["first_seen"] <= met["departed_on"] + pd.Timedelta(days=37))]
    assert len(seen) > 30
    assert set(zip(seen["account_id"], seen["departed_on"], strict=True)) == set(
        zip(inside["account_id"], inside["departed_on"], strict=True)
    ), "every departure lies in an alert"
    first = raised[raised["first_seen"] > raised["account_id"].map(read["min"])]
    waits = first.merge(left, on="account_id")
    waits["days"] = (waits["first_seen"] - waits["departed_on"]).dt.days
    caused = waits[waits["days"].between(5, 37)].groupby(["account_id", "first_seen"])
    assert len(caused) == len(first), "and no alert begins without one"
    (result,) = watched.backtest(replicates=20).results
    assert result.alerts > 20


def test_in_a_world_where_champions_and_renewals_drive_churn_their_triggers_earn_their_noise() -> None:
    frame, labels = watched_book(book(3, accounts=1500))
    made = backtest_triggers(frame, labels, WINDOW, declare(), replicates=100)
    results = {one.trigger: one for one in made.results}
    assert made.churns > 150
    for name in ("key-user-gone", "score-below-70-before-renewal"):
        assert results[name].verdict.word == "earns its noise"
        assert results[name].lift.low is not None
        assert results[name].lift.low > 1.5
    # It beats chance, but as many alerts by the probability are clearly better.
    usage = results["usage-below-40"]
    assert usage.p_value is not None
    assert usage.p_value < 0.01
    assert usage.verdict.word == "noise"
    assert "churn_probability are right more often" in usage.verdict.reason


def test_where_churn_depends_on_nothing_no_trigger_earns_its_noise() -> None:
    frame, labels = watched_book(book(20, null=True))
    made = backtest_triggers(frame, labels, WINDOW, declare(), replicates=100)
    judged = [one for one in made.results if not one.scheduled]
    assert sum(one.p_value is not None for one in judged) >= 5
    assert [one.trigger for one in judged if one.verdict.word == "earns its noise"] == []


def test_over_null_worlds_chance_is_praised_no_more_often_than_was_said() -> None:
    praised = 0
    for seed in range(20, 26):
        frame, labels = watched_book(book(seed, null=True, accounts=300))
        made = backtest_triggers(frame, labels, WINDOW, declare(), replicates=40)
        praised += any(one.verdict.word == "earns its noise" for one in made.results)
    # One world in ten is expected; with that rate three or more of six come once in sixty-three times.
    assert praised <= 2


def test_the_probability_beats_a_score_of_pure_chance_and_the_noise_is_called_so() -> None:
    frame, labels = watched_book(book(3, accounts=1500), noise=8)
    truth, _ = watched_book(book(3, accounts=1500))
    frame["churn_probability"] = truth["churn_probability"].to_numpy()
    made = backtest_triggers(frame, labels, WINDOW, declare(), replicates=100)
    words = {one.trigger: one.verdict.word for one in made.results}
    assert words["score-falls-below-60"] == "noise"


def test_the_same_seed_gives_the_same_figures_and_more_accounts_narrower_intervals() -> None:
    frame, labels = watched_book(book())
    one, again = (backtest_triggers(frame, labels, WINDOW, ALONE, replicates=60, seed=4).as_json() for _ in range(2))
    assert one == again
    wide = one["triggers"][0]["precision"]["ci90"]
    frame, labels = watched_book(book(3, accounts=1500))
    (large,) = backtest_triggers(frame, labels, WINDOW, ALONE, replicates=60, seed=4).results
    assert large.precision.high is not None
    assert large.precision.low is not None
    assert large.precision.high - large.precision.low < 0.8 * np.diff(wide)[0]
