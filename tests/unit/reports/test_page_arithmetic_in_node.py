"""Arithmetic of the page's script, part by part, against SciPy and `churnbench.metrics`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special, stats

from churnbench.export.javascript import write_javascript
from churnbench.export.node_engine import run_node
from churnbench.metrics import AccountBootstrap, at_capacity, korn_graubard
from churnbench.reports import wording
from churnbench.reports.interactive.script import PARTS, part_text

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None, reason="install Node 18 or later, so that `node` is found"
)


def told(folder: Path, part: str, names: str, body: str, given: Any) -> Any:
    """What a function body returns that uses names of one part."""
    write_javascript(folder)
    for name in PARTS:
        (folder / name).write_text(part_text(name), encoding="utf-8")
    (folder / "given.json").write_text(json.dumps(given), encoding="utf-8")
    script = (
        f'import {{ readFileSync }} from "node:fs";\nimport {{ {names} }} from "./{part}";\n'
        'const given = JSON.parse(readFileSync(new URL("given.json", import.meta.url), "utf8"));\n'
        f"const answer = () => {{ {body} }};\nprocess.stdout.write(JSON.stringify(answer()));\n"
    )
    (folder / "run.mjs").write_text(script, encoding="utf-8")
    return json.loads(run_node([str(folder / "run.mjs")]))


def test_quantiles_are_those_of_scipy(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    a, b = 10 ** random.uniform(-0.5, 4.5, 60), 10 ** random.uniform(-0.5, 4.5, 60)
    share = random.uniform(0.01, 0.99, 60)
    freedom = [1, 2, 7, 30, 400, 60_000]
    given = {"beta": np.stack([share, a, b], 1).tolist(), "gamma": a.tolist(), "freedom": freedom}
    found = told(
        tmp_path,
        "quantiles.mjs",
        "betaBelow, betaQuantile, logGamma, studentAbove",
        """return {
          beta: given.beta.map(([share, a, b]) => betaQuantile(share, a, b)),
          back: given.beta.map(([share, a, b]) => betaBelow(betaQuantile(share, a, b), a, b)),
          gamma: given.gamma.map(logGamma), student: given.freedom.map((one) => studentAbove(0.05, one)) };""",
        given,
    )
    assert found["beta"] == pytest.approx(stats.beta.ppf(share, a, b), rel=1e-9)
    assert found["back"] == pytest.approx(share, rel=1e-9)
    assert found["gamma"] == pytest.approx(special.gammaln(a), rel=1e-13, abs=1e-13)
    assert found["student"] == pytest.approx(stats.t.isf(0.05, freedom), rel=1e-10)


def drawn_book(seed: int, *, weighted: bool) -> dict[str, Any]:
    """A small book with ties, repeated accounts, an account without a score, and whole weights if asked."""
    random = np.random.default_rng(seed)
    accounts = [f"A{number:03d}" for number in range(40)]
    counts = random.integers(1, 4, 40)
    account = np.repeat(np.arange(40), counts)
    snapshot = np.concatenate([np.arange(size) for size in counts])
    return {
        "count": len(account),
        "accounts": accounts,
        "account": account.tolist(),
        "first": np.concatenate([[0], np.cumsum(counts)]).tolist(),
        "snapshots": ["1", "2", "3"],
        "snapshot": snapshot.tolist(),
        "y": (random.random(len(account)) < 0.2).astype(int).tolist(),
        "order": random.integers(0, 12, len(account)).tolist(),
        "band": random.integers(0, 3, len(account)).tolist(),
        "arr": [1.0] * len(account),
        "weight": random.integers(1, 4, 40).astype(float).tolist() if weighted else None,
    }


def in_full(book: dict[str, Any]) -> dict[str, np.ndarray]:
    """Rows of a book with every account as often as its weight says, each time under a name of its own."""
    times = np.ones(40, dtype=int) if book["weight"] is None else np.asarray(book["weight"], dtype=int)
    account = np.asarray(book["account"])
    picked = np.concatenate([np.flatnonzero(times[account] > turn) for turn in range(times.max())])
    turn = np.concatenate([np.full((times[account] > turn).sum(), turn) for turn in range(times.max())])
    names = np.asarray([f"{account[row]}-{one}" for row, one in zip(picked, turn, strict=True)], dtype=object)
    columns = {name: np.asarray(book[name])[picked] for name in ("y", "order", "snapshot", "band")}
    return {**columns, "account": names}


@pytest.mark.parametrize("weighted", [False, True])
def test_calls_count_like_python_with_every_account_as_often_as_it_weighs(tmp_path: Path, *, weighted: bool) -> None:
    books = [drawn_book(seed, weighted=weighted) for seed in range(6)]
    found = told(
        tmp_path,
        "calls.mjs",
        "capacityFigures",
        "return given.map((book) => [0, 1, 3, 9, 500].map((k) => capacityFigures(book, book.order, k, 2)));",
        books,
    )
    for book, entries in zip(books, found, strict=True):
        rows = in_full(book)
        for entry in entries:
            wanted = at_capacity(
                rows["y"],
                rows["order"],
                rows["snapshot"],
                k=entry["k"],
                bootstrap=AccountBootstrap(rows["account"], replicates=2, seed=0),
                too_late=2,
            )
            assert entry["caught"] == pytest.approx(wanted.caught, abs=1e-9)
            assert entry["of"] == wanted.of
            for name in ("precision", "recall", "lift"):
                assert entry[name] == pytest.approx(getattr(wanted, name).value, abs=1e-9), (name, entry["k"])


def test_bands_have_the_limits_of_korn_and_graubard(tmp_path: Path) -> None:
    books = [drawn_book(seed, weighted=seed > 2) for seed in range(6)]
    found = told(
        tmp_path,
        "bands.mjs",
        "bandFigures",
        "return given.map((book) => bandFigures(book, book.band, ['red', 'yellow', 'green', 'none']));",
        books,
    )
    for book, bands in zip(books, found, strict=True):
        account = np.asarray(book["account"])
        weight = np.ones(len(account)) if book["weight"] is None else np.asarray(book["weight"])[account]
        for place, band in enumerate(bands[:3]):
            inside = np.asarray(book["band"]) == place
            y = np.asarray(book["y"])[inside]
            wanted = korn_graubard(y, account[inside], weights=weight[inside])
            assert [band["rate"], band["low"], band["high"]] == pytest.approx([wanted.value, wanted.low, wanted.high])
        assert bands[3]["rate"] is None


def test_weights_always_sum_to_the_whole_and_moving_back_restores_them(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        "shares.mjs",
        "Shares, parted",
        """const moved = (start, steps) => {
          const shares = new Shares(start);
          return steps.map(([place, points, held]) => {
            if (held !== undefined) shares.held[held] = true;
            shares.set(place, points);
            return [...shares.points];
          });
        };
        return {
          proportional: moved([3500, 2500, 2500, 1500], [[0, 5500], [0, 3500]]),
          back: moved([3500, 2500, 2500, 1500], [[0, 10000], [0, 3500]]),
          held: moved([3500, 2500, 2500, 1500], [[1, 4000, 0], [2, 9000, 1], [3, 5, 2]]),
          zeros: moved([10000, 0, 0], [[0, 4000], [1, 20000], [2, -7]]),
          one: moved([10000], [[0, 5]]),
          thirds: parted([1, 1, 1], 10000),
        };""",
        None,
    )
    assert found["proportional"] == [[5500, 1731, 1731, 1038], [3500, 2500, 2500, 1500]]
    assert found["back"] == [[10000, 0, 0, 0], [3500, 2500, 2500, 1500]]
    assert found["held"] == [[3500, 4000, 1563, 937], [3500, 4000, 2500, 0], [3500, 4000, 2500, 0]]
    assert found["zeros"][0] == [4000, 3000, 3000]
    assert found["zeros"][1] == [0, 10000, 0]
    assert found["one"] == [[10000]]
    assert found["thirds"] == [3334, 3333, 3333]
    for steps in found.values():
        for points in steps if isinstance(steps[0], list) else [steps]:
            assert sum(points) == 10000
            assert min(points) >= 0


def test_numbers_read_like_those_of_the_rest_of_the_page(tmp_path: Path) -> None:
    values = [0.0, 0.0004, 0.5, 1.5, -3.14159, 999.95, 10_000.0, 48_300.0, 1_250_000.0, 2e9, 0.125]
    found = told(
        tmp_path,
        "words.mjs",
        "fixed, signed, percent, money, named",
        """return { fixed: given.map((one) => fixed(one, 2)), signed: given.map((one) => signed(one, 1)),
          percent: given.map((one) => percent(one)), money: given.map(money), none: [fixed(null), percent(NaN)],
          minus: fixed(-0.0004, 2),
          named: named("a\\u202eb" + "c".repeat(80)) };""",
        values,
    )
    assert found["fixed"] == [wording.fixed(one, 2) for one in values]
    assert found["signed"] == [wording.signed(one, 1) for one in values]
    assert found["percent"] == [wording.percent(one) for one in values]
    assert found["money"] == [wording.money(one) for one in values]
    assert found["minus"] == wording.fixed(-0.0004, 2) == "0.00"
    assert found["none"] == ["n/a", "n/a"]
    assert found["named"] == wording.clean("a\u202eb" + "c" * 80, 60)
