"""The analysis against books whose lead times are known by construction."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from check_worlds import cross_sectional, with_column
from lead_worlds import answering_book
from scipy import stats
from sklearn.metrics import roc_auc_score

from churnbench.domain.cohort import Cohort
from churnbench.domain.errors import InputError
from churnbench.domain.formula_spec import DimensionSpec, FormulaSpec, MetricSpec, Normaliser
from churnbench.leadlag import LeadLag, Profile, lead_lag

#: metric -> (falls so many days before the churn, by so many standard deviations)
ANSWERS = {
    "early": (170.0, 1.0),
    "warning": (90.0, 1.0),
    "late": (60.0, 1.0),
    "trace": (30.0, 1.2),
    "noise": (0.0, 0.0),
    "other_noise": (0.0, 0.0),
}
EXPECTED = {
    "early": "leading",
    "warning": "leading",
    "late": "coincident",
    "trace": "footprint",
    "noise": "none",
    "other_noise": "none",
}


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return answering_book(ANSWERS, accounts=800, months=20, seed=1)


@pytest.fixture(scope="module")
def found(cohort: Cohort) -> LeadLag:
    return lead_lag(cohort, spec_of(cohort))


def spec_of(cohort: Cohort, **directions: str) -> FormulaSpec:
    metrics = tuple(
        MetricSpec(name, "all", 1.0, directions.get(name, "higher_is_healthier"), label=name.title())  # type: ignore[arg-type]
        for name in cohort.metrics
    )
    return FormulaSpec((DimensionSpec("all", 1.0, "Everything"),), metrics)


def profile(found: LeadLag, name: str) -> Profile:
    return next(one for one in found.profiles if one.id == name)


def shares(found: LeadLag, name: str) -> list[float | None]:
    return [one.auc.value for one in profile(found, name).lead_times]


def test_every_metric_gets_the_class_that_its_lead_time_calls_for(found: LeadLag) -> None:
    assert {one.id: one.timing for one in found.profiles} == EXPECTED
    assert not any(one.against for one in found.profiles)
    assert set(found.named("leading")) == {"early", "warning"}


def test_auc_is_that_of_two_shifted_normal_distributions_while_the_metric_is_down(found: LeadLag) -> None:
    down = stats.norm.cdf(1.0 / np.sqrt(2.0))
    for name, buckets in (("early", 3), ("warning", 3), ("late", 2)):
        for value in shares(found, name)[:buckets]:
            assert value == pytest.approx(down, abs=0.05)
    for name, first in (("late", 2), ("trace", 1), ("noise", 0)):
        for value in shares(found, name)[first:]:
            assert value == pytest.approx(0.5, abs=0.06)


def test_an_auc_and_its_events_agree_with_a_count_by_hand(cohort: Cohort, found: LeadLag) -> None:
    frame = cohort.frame[cohort.frame["status"].isin(["labelled", "too-late"])]
    days = (frame["churned_on"] - frame["as_of"]).dt.days
    through = pd.Timestamp(cohort.data_through)
    clear = (frame["status"] == "labelled") & ~(days <= 180)
    control = clear & (frame["as_of"] + pd.Timedelta(days=180) <= through)
    for number, (low, high) in enumerate(((0, 30), (30, 60), (60, 90), (90, 180))):
        case = (days > low) & (days <= high) & frame["as_of"].isin(frame.loc[control, "as_of"])
        mix = frame.loc[case, "as_of"].value_counts() / frame.loc[control, "as_of"].value_counts()
        weight = np.where(case, 1.0, frame["as_of"].map(mix).fillna(0.0))
        used = case | control
        expected = roc_auc_score(case[used], -frame.loc[used, "late"], sample_weight=weight[used])
        one = profile(found, "late").lead_times[number]
        assert one.auc.value == pytest.approx(expected, abs=1e-12)
        assert one.events == frame.loc[case, "account_id"].nunique()
        assert one.auc.low < one.auc.value < one.auc.high


def test_the_event_study_shows_the_size_of_the_fall_and_when_it_came(found: LeadLag) -> None:
    study = profile(found, "warning").study
    assert [one.high_days for one in study] == list(range(30, 361, 30))
    for one in study[:3]:
        assert one.difference.value == pytest.approx(-1.0, abs=0.2)
        assert one.difference.low < -0.7
    for one in study[3:8]:
        assert one.difference.low < 0.0 < one.difference.high or abs(one.difference.value) < 0.25


def test_a_study_point_is_the_weighted_difference_of_means_over_the_spread_of_those_that_stayed() -> None:
    cohort = answering_book({"m": (60.0, 1.0)}, accounts=300, months=24, seed=5)
    found = lead_lag(cohort)
    frame = cohort.frame[cohort.frame["status"].isin(["labelled", "too-late"])]
    days = (frame["churned_on"] - frame["as_of"]).dt.days
    clear = (frame["status"] == "labelled") & ~(days <= 180)
    control = clear & (frame["as_of"] + pd.Timedelta(days=180) <= pd.Timestamp(cohort.data_through))
    case = (days > 0) & (days <= 30) & frame["as_of"].isin(frame.loc[control, "as_of"])
    mix = frame.loc[case, "as_of"].value_counts(normalize=True)
    others = (frame[control].groupby("as_of")["m"].mean() * mix).sum()
    expected = (frame.loc[case, "m"].mean() - others) / frame.loc[clear, "m"].std(ddof=0)
    assert found.profiles[0].study[0].difference.value == pytest.approx(expected, abs=1e-12)


def test_a_short_history_keeps_its_churners_by_comparing_with_mature_labels() -> None:
    cohort = answering_book({"m": (60.0, 1.0)}, accounts=600, months=12, seed=5)
    frame = cohort.frame[cohort.frame["status"].isin(["labelled", "too-late"])]
    days = (frame["churned_on"] - frame["as_of"]).dt.days
    through = pd.Timestamp(cohort.data_through)
    window = cohort.window
    assert window is not None
    clear = (frame["status"] == "labelled") & ~(days <= 180)
    mature = clear & (frame["as_of"] + pd.Timedelta(days=window.gap_days + window.horizon_days) <= through)
    watched = clear & (frame["as_of"] + pd.Timedelta(days=180) <= through)
    near = (days > 0) & (days <= 30)
    strict, all_mature = (
        frame.loc[near & frame["as_of"].isin(frame.loc[controls, "as_of"]), "account_id"].nunique()
        for controls in (watched, mature)
    )
    assert strict < 0.75 * all_mature  # the case that this is about
    assert watched.sum() >= mature.sum() / 2
    found = lead_lag(cohort)
    assert found.profiles[0].lead_times[0].events == all_mature
    assert not found.controls_watched


def test_a_metric_declared_the_wrong_way_round_keeps_its_class_and_is_called_out(cohort: Cohort) -> None:
    found = lead_lag(cohort, spec_of(cohort, warning="lower_is_healthier", noise="lower_is_healthier"))
    turned = profile(found, "warning")
    assert (turned.timing, turned.against) == ("leading", True)
    assert turned.lead_times[0].auc.high < 0.4
    assert turned.lead_times[0].p_value > 0.99
    assert turned.lead_times[0].significant
    assert turned.study[0].difference.low > 0.5
    trace = lead_lag(cohort, spec_of(cohort, trace="lower_is_healthier"))
    assert (profile(trace, "trace").timing, profile(trace, "trace").against) == ("footprint", True)
    assert not profile(found, "noise").against


def test_without_a_formula_directions_are_proposals_and_tests_two_sided(cohort: Cohort, found: LeadLag) -> None:
    free = lead_lag(cohort)
    assert {one.id: one.timing for one in free.profiles} == EXPECTED
    for one, declared in zip(free.profiles, found.profiles, strict=True):
        assert not one.declared
        for mine, theirs in zip(one.lead_times, declared.lead_times, strict=True):
            assert mine.p_value == pytest.approx(min(1.0, 2.0 * theirs.p_value))


def test_nothing_after_the_given_date_is_used(cohort: Cohort) -> None:
    until = pd.Timestamp("2024-02-15")
    found = lead_lag(cohort, until=until)
    frame = cohort.frame
    told = replace(cohort, frame=frame[frame["as_of"] < until].reset_index(drop=True))
    hidden = told.frame["churned_on"] > until
    told.frame.loc[hidden, "churned_on"] = pd.NaT
    for name in cohort.metrics:
        frame = frame.assign(**{name: frame[name].where(frame["as_of"] < until, 1e6)})
    later_changed = replace(cohort, frame=frame)
    assert lead_lag(later_changed, until=until).as_json() == found.as_json()
    again = lead_lag(replace(told, data_through=until.date()), until=until)
    assert again.as_json() == found.as_json()
    assert found.until == until
    assert found.churned < lead_lag(cohort).churned


def test_churn_recorded_late_is_not_known_before_its_record(cohort: Cohort) -> None:
    until = pd.Timestamp("2024-02-15")
    slow = replace(cohort, window=replace(cohort.window, settle_days=40))  # type: ignore[type-var]
    assert lead_lag(slow, until=until).churned < lead_lag(cohort, until=until).churned


def test_accounts_that_left_involuntarily_are_neither_cases_nor_controls() -> None:
    cohort = answering_book({"m": (90.0, 1.0)}, accounts=400, months=16, seed=2)
    frame = cohort.frame.copy()
    leavers = sorted(frame.loc[frame["churned_on"].notna(), "account_id"].unique())
    unwilling = frame["account_id"].isin(leavers[::2])
    days = (frame["churned_on"] - frame["as_of"]).dt.days
    frame.loc[unwilling & (days <= 104), ["status", "y"]] = ["ineligible", np.nan]
    found = lead_lag(replace(cohort, frame=frame))
    # What an account was more than 180 days before it had to leave still shows what staying looks like.
    without = frame[~(unwilling & (days <= 180))].reset_index(drop=True)
    without.loc[without["account_id"].isin(leavers[::2]), "churned_on"] = pd.NaT
    expected = lead_lag(replace(cohort, frame=without))
    events = [one.events for one in found.profiles[0].lead_times]
    assert events == [one.events for one in expected.profiles[0].lead_times]
    assert shares(found, "m") == pytest.approx(shares(expected, "m"), abs=1e-12)


def test_a_season_does_not_count_as_a_warning() -> None:
    """Churn clusters in one half of the time and the metric is low there for everybody."""
    cohort = answering_book({"m": (0.0, 0.0)}, accounts=600, months=18, churners=0.5, seed=3)
    frame = cohort.frame
    autumn = frame["as_of"] > frame["as_of"].median()
    gone = set(frame.loc[frame["churned_on"] < frame["as_of"].median(), "account_id"])
    spared = frame["account_id"].isin(sorted(gone)[: len(gone) * 3 // 4])
    seasonal = frame.assign(m=frame["m"] - 3.0 * autumn)[~spared].reset_index(drop=True)
    found = lead_lag(replace(cohort, frame=seasonal))
    assert found.profiles[0].timing == "none"
    plain = seasonal[seasonal["status"] == "labelled"]
    assert roc_auc_score(plain["y"], -plain["m"]) > 0.55  # the naive figure is fooled


def test_controls_share_the_cases_renewal_stratum() -> None:
    """Renewals come before churn by contract; a metric that only knows of the renewal is no warning."""
    cohort = answering_book({"m": (0.0, 0.0)}, accounts=600, months=18, seed=4)
    frame = cohort.frame
    rng = np.random.default_rng(0)
    days = (frame["churned_on"] - frame["as_of"]).dt.days
    due = (days <= 90) | (rng.random(len(frame)) < 0.25)
    frame = frame.assign(stratum=np.where(due, "renewal", "no-renewal"))
    knows = replace(cohort, frame=frame.assign(m=rng.normal(size=len(frame)) - 2.0 * due))
    assert lead_lag(knows).profiles[0].timing == "none"
    blind = replace(knows, frame=knows.frame.assign(stratum="all"))
    assert lead_lag(blind).profiles[0].timing == "leading"


def test_below_twenty_churned_accounts_nothing_is_said() -> None:
    small = answering_book({"m": (200.0, 2.0)}, accounts=60, months=16, churners=0.3, seed=6)
    found = lead_lag(small)
    assert found.profiles[0].timing == "not-enough-events"
    for one in found.profiles[0].lead_times:
        assert one.events < 20
        assert (one.auc.value, one.p_value, one.significant) == (None, None, False)
    assert all(point.difference.value is None for point in found.profiles[0].study)


def test_missing_values_leave_rows_out_for_that_metric_only(cohort: Cohort, found: LeadLag) -> None:
    rng = np.random.default_rng(7)
    holed = cohort.frame["early"].where(rng.random(len(cohort.frame)) < 0.5)
    half = lead_lag(with_column(cohort, "holed", holed), spec_of(cohort))
    assert shares(half, "late") == shares(found, "late")
    assert profile(half, "holed").lead_times[0].events <= profile(found, "early").lead_times[0].events
    assert shares(half, "holed")[0] == pytest.approx(shares(found, "early")[0], abs=0.06)


def test_text_is_ranked_by_its_declared_points_and_left_out_without(cohort: Cohort) -> None:
    text = pd.Series(np.where(cohort.frame["early"] < 0.0, "Free", "Paid"), index=cohort.frame.index)
    named = with_column(with_column(cohort, "plan", text), "empty", np.nan)
    metric = MetricSpec("plan", "all", 1.0, normalise=Normaliser("category", {"map": {"Free": 0.0, "Paid": 100.0}}))
    spec = spec_of(cohort)
    found = lead_lag(named, replace(spec, metrics=(*spec.metrics, metric)))
    assert profile(found, "plan").timing == "leading"
    assert found.left_out == (("empty", "it has no values"),)
    assert dict(lead_lag(named).left_out) == {"plan": "its text has no declared points", "empty": "it has no values"}


def test_a_constant_metric_shows_nothing(cohort: Cohort) -> None:
    flat = profile(lead_lag(with_column(cohort, "flat", 3.0)), "flat")
    assert flat.timing == "none"
    assert {one.auc.value for one in flat.lead_times} == {0.5}
    assert all(point.difference.value is None for point in flat.study)


def test_scores_are_named_after_dimensions_or_taken_as_formulas(cohort: Cohort, found: LeadLag) -> None:
    health = 50.0 + 10.0 * cohort.frame["warning"]
    half = health.iloc[: len(health) // 2]
    scores = pd.DataFrame({"all": health, "incumbent": health, "early_half": half})
    scored = lead_lag(cohort, spec_of(cohort), scores=scores)
    kinds = {one.id: (one.kind, one.label) for one in scored.profiles[-3:]}
    assert kinds["all"] == ("dimension", "Everything")
    assert kinds["incumbent"] == ("formula", "incumbent")
    assert shares(scored, "all") == shares(found, "warning")
    assert profile(scored, "early_half").lead_times[0].events < profile(scored, "all").lead_times[0].events


def test_order_of_rows_and_names_of_accounts_do_not_matter(cohort: Cohort, found: LeadLag) -> None:
    shuffled = cohort.frame.sample(frac=1.0, random_state=0)
    assert lead_lag(replace(cohort, frame=shuffled), spec_of(cohort)).as_json() == found.as_json()


def test_large_books_are_sampled_by_whole_accounts_and_say_so(cohort: Cohort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("churnbench.leadlag.analysis.SAMPLE_ROWS", 4000)
    found = lead_lag(cohort, seed=3)
    eligible = cohort.frame["status"].isin(["labelled", "too-late"]).sum()
    assert 3900 < found.rows <= 4000
    assert found.sampled == (
        f"Computed on {found.accounts:,} randomly drawn accounts ({found.rows:,} of {eligible:,} rows)."
    )
    assert lead_lag(cohort, seed=3).as_json() == found.as_json()
    assert lead_lag(cohort, seed=4).as_json() != found.as_json()


def test_short_histories_take_mature_labels_for_controls_and_say_so() -> None:
    short = answering_book({"m": (60.0, 1.5)}, accounts=900, months=6, churners=0.6, seed=8)
    found = lead_lag(short)
    assert not found.controls_watched
    assert found.profiles[0].lead_times[1].auc.low > 0.6


def test_a_table_without_dates_is_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="nothing can be said to come before churn"):
        lead_lag(cross_sectional())


def test_a_single_replicate_is_refused(cohort: Cohort) -> None:
    with pytest.raises(InputError, match="at least 2"):
        lead_lag(cohort, replicates=1)


def test_an_empty_history_gives_no_classes(cohort: Cohort) -> None:
    found = lead_lag(cohort, until=cohort.frame["as_of"].min())
    assert (found.rows, found.accounts, found.churned) == (0, 0, 0)
    assert found.profiles == ()
    assert found.table().empty


def test_tables_and_json_hold_the_same_figures(found: LeadLag) -> None:
    table, document = found.table(), json.loads(json.dumps(found.as_json()))
    signals = {row["id"]: row for row in document["signals"]}
    for name in table.index:
        assert table.loc[name, "class"] == signals[name]["class"]
        first = signals[name]["buckets"][0]
        assert first["auc"]["value"] == pytest.approx(table.loc[name, "auc_0_30"], abs=1e-4)
        assert first["auc"]["ci90"][0] == pytest.approx(table.loc[name, "low_0_30"], abs=1e-4)
        assert first["events"] == table.loc[name, "events_0_30"]
    study = found.study_table()
    assert len(study) == 12 * len(table)
    assert study["low"].dropna().le(study["high"].dropna()).all()


def test_intervals_cover_the_true_auc_about_as_often_as_they_say() -> None:
    truth = stats.norm.cdf(0.7 / np.sqrt(2.0))
    covered = []
    for seed in range(30):
        book = answering_book({f"m{n}": (400.0, 0.7) for n in range(3)}, accounts=250, months=12, seed=100 + seed)
        for one in lead_lag(book, replicates=200).profiles:
            auc = one.lead_times[1].auc
            covered.append(auc.low <= truth <= auc.high)
    assert 0.80 <= np.mean(covered) <= 0.98  # 90 values, nominal .90: four Monte-Carlo errors of .03


def test_on_null_books_hardly_anything_is_called_leading_or_significant() -> None:
    called = significant = total = 0
    for seed in range(12):
        book = answering_book({f"m{n}": (0.0, 0.0) for n in range(15)}, accounts=250, months=14, seed=200 + seed)
        for one in lead_lag(book, spec_of(book), replicates=200).profiles:
            called += one.timing in ("leading", "coincident", "footprint")
            significant += any(time.significant for time in one.lead_times)
            total += 1
    assert called <= 0.02 * total
    assert significant <= 0.05 * total
