"""Churners caught when k accounts can be called per snapshot."""

import numpy as np
import pytest

from churnbench.domain.errors import InputError
from churnbench.metrics import AccountBootstrap, at_capacity, gain_curve


def _panel(accounts=50, snapshots=6, seed=0, ties=False):
    rng = np.random.default_rng(seed)
    names, dates = np.repeat(np.arange(accounts), snapshots), np.tile(np.arange(snapshots), accounts)
    p = rng.random(len(names))
    y = (rng.random(len(names)) < 0.15 + 0.2 * p).astype(float)
    return y, np.round(p, 1) if ties else p, dates, names


def _by_hand(y, p, dates, names, k):
    """Caught accounts, hits and calls without ties."""
    caught, hits, calls = set(), 0, 0
    for date in np.unique(dates):
        here = np.flatnonzero(dates == date)
        called = here[np.argsort(-p[here])][:k]
        hits, calls = hits + y[called].sum(), calls + len(called)
        caught |= set(names[called][y[called] == 1])
    return caught, hits, calls


@pytest.mark.parametrize("k", [0, 1, 7, 50, 80])
def test_caught_precision_recall_and_lift_equal_counting_by_hand(k):
    y, p, dates, names = _panel()
    found = at_capacity(y, p, dates, names, k=k, bootstrap=AccountBootstrap(names, replicates=20), too_late=3)
    caught, hits, calls = _by_hand(y, p, dates, names, k)
    churners = len(set(names[y == 1]))
    assert found.caught == pytest.approx(len(caught))
    assert found.of == churners + 3
    assert found.recall.value == pytest.approx(len(caught) / (churners + 3))
    if k == 0:
        assert found.precision.value is None
        assert found.lift.value is None
    else:
        assert found.precision.value == pytest.approx(hits / calls)
        assert found.lift.value == pytest.approx(hits / calls / y.mean())
        assert found.precision.low < found.precision.value < found.precision.high or k >= 50


def test_under_ties_caught_is_the_mean_over_random_tie_breaks():
    y, p, dates, names = _panel(ties=True)
    rng = np.random.default_rng(1)
    found = at_capacity(y, p, dates, k=7, bootstrap=AccountBootstrap(names, replicates=5))
    drawn = [len(_by_hand(y, p + 1e-6 * rng.random(len(p)), dates, names, 7)[0]) for _ in range(600)]
    assert found.caught == pytest.approx(np.mean(drawn), abs=4 * np.std(drawn) / np.sqrt(600))


@pytest.mark.parametrize("chunk", [10, 6_000_000])
def test_each_resample_calls_the_riskiest_of_the_resampled_book(monkeypatch, chunk):
    monkeypatch.setattr("churnbench.metrics.ranked._CELLS_AT_ONCE", chunk)
    y, p, dates, names = _panel(accounts=25, snapshots=4)
    bootstrap = AccountBootstrap(names, replicates=60, seed=3)
    found = at_capacity(y, p, dates, k=4, bootstrap=bootstrap, too_late=1)
    curve = gain_curve(y, p, dates, bootstrap=bootstrap, called=[4])
    recall, share = [], []
    for counts in np.concatenate([part for _, part in bootstrap.chunks(50)]):
        # Copies of an account are accounts of their own, tied: break ties at random, many times.
        copies = np.repeat(np.arange(25), counts)
        rows = np.concatenate([np.flatnonzero(names == one) for one in copies])
        own = np.repeat(np.arange(len(copies)), 4)
        rng = np.random.default_rng(0)
        hits = np.mean(
            [len(_by_hand(y[rows], p[rows] + 1e-9 * rng.random(len(rows)), dates[rows], own, 4)[0]) for _ in range(40)]
        )
        churners = len(set(own[y[rows] == 1]))
        recall.append(hits / (churners + 1))
        share.append(hits / churners)
    assert (found.recall.low, found.recall.high) == pytest.approx(tuple(np.quantile(recall, [0.05, 0.95])), abs=0.02)
    point = curve[0].caught
    assert (point.low, point.high) == pytest.approx(tuple(np.quantile(share, [0.05, 0.95])), abs=0.02)


def test_the_gain_curve_rises_from_nobody_to_everybody():
    y, p, dates, names = _panel()
    curve = gain_curve(y, p, dates, names, bootstrap=AccountBootstrap(names, replicates=40))
    shares = [point.caught.value for point in curve]
    assert (curve[0].called, shares[0]) == (0, 0.0)
    assert (curve[-1].called, shares[-1]) == (50, pytest.approx(1.0))
    assert shares == sorted(shares)
    middle = curve[5]
    assert middle.as_json() == {
        "called": middle.called,
        "caught": middle.caught.value,
        "low": middle.caught.low,
        "high": middle.caught.high,
    }
    assert middle.caught.low < middle.caught.value < middle.caught.high


def test_the_order_of_rows_does_not_matter():
    y, p, dates, names = _panel(ties=True)
    order = np.random.default_rng(5).permutation(len(y))
    first = at_capacity(y, p, dates, k=9, bootstrap=AccountBootstrap(names, replicates=30))
    second = at_capacity(y[order], p[order], dates[order], k=9, bootstrap=AccountBootstrap(names[order], replicates=30))
    assert first.caught == pytest.approx(second.caught)
    assert first.recall.low == pytest.approx(second.recall.low)


def test_books_without_churners_or_rows_have_no_recall():
    names = np.arange(6)
    quiet = at_capacity(np.zeros(6), np.arange(6.0), [1] * 6, k=2, bootstrap=AccountBootstrap(names, replicates=9))
    assert (quiet.caught, quiet.of, quiet.recall.value, quiet.lift.value) == (0.0, 0, None, None)
    assert quiet.precision.value == 0.0
    assert gain_curve(np.zeros(6), np.arange(6.0), [1] * 6, bootstrap=AccountBootstrap(names), called=[2])[
        0
    ].as_json() == {"called": 2, "caught": None, "low": None, "high": None}
    empty = at_capacity([], [], [], [], k=2, bootstrap=AccountBootstrap(names, replicates=9), too_late=2)
    assert (empty.caught, empty.of, empty.recall.value, empty.precision.value) == (0.0, 2, 0.0, None)
    assert [point.called for point in gain_curve([], [], [], [], bootstrap=AccountBootstrap(names))] == [0]


def test_json_has_the_fields_of_the_evidence():
    y, p, dates, names = _panel()
    found = at_capacity(y, p, dates, k=5, bootstrap=AccountBootstrap(names, replicates=30)).as_json()
    assert list(found) == ["k", "caught", "of", "precision", "recall", "lift"]
    assert list(found["recall"]) == ["value", "ci90"]


def test_negative_capacities_are_refused():
    made = AccountBootstrap(["a"])
    with pytest.raises(InputError, match="capacity of -1"):
        gain_curve([1], [0.1], ["x"], bootstrap=made, called=[-1])
    with pytest.raises(InputError, match="-2 accounts"):
        at_capacity([1], [0.1], ["x"], k=1, bootstrap=made, too_late=-2)
