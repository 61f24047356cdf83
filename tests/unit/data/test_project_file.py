"""The project file: what it may say, and what is said about mistakes in it."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest

from churnbench.data.computed import Condition
from churnbench.data.presets import load_preset
from churnbench.data.project import Project, load_project
from churnbench.domain.errors import InputError

BASE = """
[project]
name = "acme"
[data]
snapshots = "snapshots.csv"
outcomes = "outcomes.csv"
"""
FACTS = """
[project]
name = "acme"
[data]
outcomes = { sql = "SELECT * FROM outcomes" }
database = "book.duckdb"
[[data.facts]]
name = "usage"
path = "usage/*.parquet"
event_time = "ts"
"""
DOCS = Path(__file__).parents[3] / "docs" / "project-file.md"


def load(folder: Path, text: str) -> Project:
    (folder / "churnbench.toml").write_text(text)
    return load_project(folder)


def refused(folder: Path, text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load(folder, text)
    return caught.value


def test_defaults_are_those_of_the_contract(tmp_path: Path) -> None:
    project = load(tmp_path, BASE)
    assert (project.name, project.root, project.file) == ("acme", tmp_path.resolve(), "churnbench.toml")
    assert project.data.kind == "snapshots"
    assert (project.label.gap_days, project.label.horizon_days, project.label.min_tenure_days) == (14, 90, 90)
    assert project.formula == load_preset("four-dimensions")
    assert (project.calibration.derive, project.calibration.shapes) == ("anchored", "audited")
    assert (project.thresholds.by, project.thresholds.delta) == ("risk", 0.1)
    assert project.tracking.uri == "sqlite:///mlruns/mlflow.db"
    assert (project.segment_column, project.value_column) == ("segment", "arr")
    assert (project.backtest.origins, project.backtest.holdout_quarters) == ("quarter", 2)


def test_the_file_itself_may_be_named_too(tmp_path: Path) -> None:
    load(tmp_path, BASE)
    assert load_project(tmp_path / "churnbench.toml").name == "acme"


def test_every_documented_example_loads(tmp_path: Path) -> None:
    blocks = [part.split("```")[0] for part in DOCS.read_text().split("```toml\n")[1:]]
    whole = [block for block in blocks if "[project]" in block]
    assert len(whole) >= 3
    for block in whole:
        assert load(tmp_path, block).name


def test_every_key_of_every_section_is_documented() -> None:
    from churnbench.data.section_errors import _keys, _section_in
    from churnbench.data.sections import ProjectFile

    text = DOCS.read_text()
    models, seen = [ProjectFile], set()
    while models:
        model = models.pop()
        for key in _keys(model):
            assert key in text, f"{model.__name__}.{key}"
        inner = [_section_in(field.annotation) for field in model.model_fields.values()]
        models += [one for one in inner if one is not None and one not in seen]
        seen |= {one for one in inner if one is not None}


def test_dates_may_be_quoted_and_timestamps_count_as_days(tmp_path: Path) -> None:
    for written in ("2018-03-31", '"2018-03-31"', "2018-03-31T10:00:00"):
        assert load(tmp_path, BASE + f"[label]\ndata_through = {written}\n").label.data_through == date(2018, 3, 31)


def test_a_preset_is_overridden_field_by_field_and_extended(tmp_path: Path) -> None:
    project = load(
        tmp_path,
        BASE
        + """
[formula]
preset = "four-dimensions"
leave_out = ["csat"]
min_coverage = 0.4
bands = [["red", 0], ["green", 70]]
segment_weights = { SMB = { usage = 60, financial = 40 } }
[[formula.dimensions]]
id = "usage"
weight = 50
[[formula.dimensions]]
id = "value"
weight = 5
[[formula.metrics]]
id = "nps"
weight = 7
[[formula.metrics]]
id = "goals"
dimension = "value"
weight = 1
column = "Goals met"
normalise = { kind = "ramp", low = 0, high = 5 }
""",
    )
    before = {metric.id: metric for metric in load_preset("four-dimensions").metrics}
    after = {metric.id: metric for metric in project.formula.metrics}
    assert after["nps"].weight == 7
    assert after["nps"].normalise == before["nps"].normalise
    assert set(after) == set(before) - {"csat"} | {"goals"}
    assert after["goals"].direction_proposed
    assert project.declared.columns == {"goals": "Goals met"}
    assert project.declared.declared == {"nps", "goals"}
    weights = {dimension.id: dimension.weight for dimension in project.formula.dimensions}
    assert weights == {"usage": 50, "engagement": 25, "sentiment": 25, "financial": 15, "value": 5}
    assert project.formula.bands == (("red", 0.0), ("green", 70.0))
    assert project.formula.min_coverage_bp == 4000
    assert project.formula.segment_weights == {"SMB": {"usage": 60.0, "financial": 40.0}}


def test_without_dimensions_all_metrics_share_one(tmp_path: Path) -> None:
    project = load(tmp_path, BASE + '[[formula.metrics]]\nid = "logins"\nweight = 1\n')
    assert [(d.id, d.weight) for d in project.formula.dimensions] == [("all", 100.0)]
    assert project.formula.preset == "none"


def test_computed_metrics_are_read_with_their_conditions(tmp_path: Path) -> None:
    project = load(
        tmp_path,
        FACTS
        + """
[[formula.metrics]]
id = "logins"
weight = 1
source = "usage"
agg = "count"
where = [{ column = "type", in = ["login", "sso"] }, { column = "minutes", at_least = 1, at_most = 600 }]
[[formula.metrics]]
id = "plan"
weight = 1
source = "usage"
agg = "last"
column = "plan"
normalise = { kind = "category", map = { gold = 100, tin = 10 } }
[[formula.metrics]]
id = "trend"
weight = 1
source = "usage"
agg = "relative_change"
column = "minutes"
window_days = 30
where = { column = "type", not_equals = "bot" }
[[formula.metrics]]
id = "per_login"
weight = 1
ratio = ["minutes", "logins"]
[[formula.metrics]]
id = "minutes"
helper = true
source = "usage"
agg = "sum"
column = "minutes"
""",
    )
    by_id = {metric.id: metric for metric in project.declared.computed}
    assert by_id["logins"].window_days == 180
    assert by_id["logins"].where == (
        Condition("type", "in", ("login", "sso")),
        Condition("minutes", "at_least", (1,)),
        Condition("minutes", "at_most", (600,)),
    )
    assert (by_id["plan"].text, by_id["plan"].window_days) == (True, None)
    assert (by_id["trend"].of, by_id["trend"].window_days) == ("sum", 30)
    assert by_id["trend"].where == (Condition("type", "not_equals", ("bot",)),)
    assert by_id["per_login"].ratio == ("minutes", "logins")
    assert "minutes" not in {metric.id for metric in project.formula.metrics}
    assert project.data.outcomes is not None
    assert project.data.outcomes.sql == "SELECT * FROM outcomes"


@pytest.mark.parametrize(
    ("more", "place", "says"),
    [
        ("[label]\ngap_day = 3", "label.gap_day", "Did you mean 'gap_days'?"),
        ("[lable]\ngap_days = 3", "lable", "Did you mean 'label'?"),
        ("[label]\ngap_days = -3", "label.gap_days", "greater than or equal to 0"),
        ("[label]\ngap_days = 1.5", "label.gap_days", "valid integer"),
        ("[label]\ngap_days = true", "label.gap_days", "valid integer"),
        ('[label]\ndata_through = "soon"', "label.data_through", "valid date"),
        ('[thresholds]\nby = "cots"', "thresholds.by", "expected 'risk', 'capacity' or 'cost'. Did you mean 'cost'?"),
        ('[thresholds]\nby = "zzz"', "thresholds.by", "Write one of these"),
        ('[thresholds]\nby = "cost"', "thresholds", "contact_cost and save_rate"),
        ("[thresholds]\ngreen_risk = 0.3\nred_risk = 0.2", "thresholds", "must be below red_risk"),
        ("[calibration]\ndimension_share = [0.5, 0.1]", "calibration", "[lowest, highest]"),
        ("[calibration]\nleading_share = [0.5]", "calibration.leading_share", "at least 2"),
        ('[checks.allow]\nx = "ok"', "checks.allow.x", "at least 10 characters"),
        ('[formula]\npreset = "five"', "formula.preset", "five-components"),
        ('[formula]\nleave_out = ["npss"]', "formula.leave_out", "Did you mean 'nps'?"),
        ("[formula]\nbands = [[60, 'red'], [0, 'x']]", "formula.bands", "ascending from 0"),
        ("[formula]\nbands = [['red', 0], ['green', 120]]", "formula.bands", "below 100"),
        ("[formula.segment_weights.SMB]\nusge = 1", "formula.segment_weights.SMB", "Did you mean 'usage'?"),
        ("[formula.segment_weights.SMB]\nusage = 0", "formula.segment_weights.SMB", "sum to 0"),
        ("[[formula.metrics]]\nid = 'a b'", "formula.metrics[1].id", "no identifier"),
        ("[[formula.metrics]]\nid = 'a'", "formula.metrics a", "weight is missing"),
        ("[[formula.metrics]]\nid = 'status'\nweight = 1", "formula.metrics", 'column = "status"'),
        ("[[formula.metrics]]\nid = 'a'\nweight = 0", "formula.metrics", "have weight 0"),
        (
            "[[formula.metrics]]\nid = 'a'\nweight = 1\n[[formula.metrics]]\nid = 'a'\nweight = 2",
            "formula.metrics",
            "declared twice",
        ),
        (
            "[[formula.dimensions]]\nid = 'usage'\nweight = 1\n"
            "[[formula.metrics]]\nid = 'a'\nweight = 1\ndimension = 'usgae'",
            "formula.metrics a",
            "Did you mean 'usage'?",
        ),
        (
            "[[formula.dimensions]]\nid = 'usage'\nweight = 1\n[[formula.metrics]]\nid = 'a'\nweight = 1",
            "formula.metrics a",
            "dimension is missing",
        ),
        (
            "[[formula.dimensions]]\nid = 'u'\nweight = 1\n[[formula.dimensions]]\nid = 'v'\nweight = 1\n"
            "[[formula.metrics]]\nid = 'a'\nweight = 1\ndimension = 'u'",
            "formula.dimensions",
            "'v' has no metric",
        ),
        (
            "[[formula.dimensions]]\nid = 'u'\nweight = 0\n[[formula.metrics]]\nid = 'a'\nweight = 1\ndimension = 'u'",
            "formula.dimensions",
            "all dimensions have weight 0",
        ),
        ("[[formula.metrics]]\nid = 'a'\nweight = 1\nagg = 'sum'", "formula.metrics a", "needs a source"),
        ("[[formula.metrics]]\nid = 'a'\nweight = 1\nwhere = {column = 'x', equals = 1}", "formula.metrics a", "where"),
        ("[[formula.metrics]]\nid = 'a'\nweight = 1\nsource = 'x'", "formula.metrics a", "[[data.facts]]"),
    ],
)
def test_mistakes_are_named_with_their_place(tmp_path: Path, more: str, place: str, says: str) -> None:
    error = refused(tmp_path, BASE + more + "\n")
    assert error.column == place
    assert says in str(error)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ('{ kind = "rmp" }', "Did you mean 'ramp'?"),
        ("{ low = 1 }", "None is not a normaliser"),
        ('{ kind = "ramp", low = 1 }', "'high' is missing; ramp takes low, high"),
        ('{ kind = "nps", low = 1 }', "'low' is not a parameter; nps takes no parameters"),
        ('{ kind = "ramp", low = 2, high = 2 }', "low must be below high"),
        ('{ kind = "ramp", low = "2", high = 3 }', "low must be a number"),
        ('{ kind = "recency", fresh = 30, stale = 10 }', "fresh must be below stale"),
        ('{ kind = "piecewise", points = [[0, 0]] }', "at least two pairs"),
        ('{ kind = "piecewise", points = [[0, 0], [0, 5]] }', "must ascend"),
        ('{ kind = "piecewise", points = [[0, 0], [1, 500]] }', "between 0 and 100"),
        ('{ kind = "category", map = { } }', "such as { gold = 100"),
        ('{ kind = "category", map = { a = 200 } }', "between 0 and 100"),
        ('{ kind = "ratio" }', "either benchmark"),
        ('{ kind = "ratio", benchmark = 0 }', "positive number"),
        ('{ kind = "ratio", denominator = 3 }', "name of a column"),
        ('{ kind = "ratio", benchmark = 2, cap = 0 }', "cap must be"),
    ],
)
def test_a_rule_that_is_none_is_refused(tmp_path: Path, rule: str, says: str) -> None:
    error = refused(tmp_path, BASE + f'[[formula.metrics]]\nid = "a"\nweight = 1\nnormalise = {rule}\n')
    assert error.column == "formula.metrics a.normalise"
    assert says in str(error)


@pytest.mark.parametrize(
    "rule",
    [
        '{ kind = "piecewise", points = [[0, 0], [1, 50], [5, 100]] }',
        '{ kind = "ratio", benchmark = 2, cap = 1.5 }',
        '{ kind = "ratio", denominator = "seats" }',
        '{ kind = "csat", low = 1, high = 7 }',
        '{ kind = "boolean" }',
    ],
)
def test_rules_of_the_format_are_accepted(tmp_path: Path, rule: str) -> None:
    project = load(tmp_path, BASE + f'[[formula.metrics]]\nid = "a"\nweight = 1\nnormalise = {rule}\n')
    assert project.formula.metrics[0].normalise.kind == tomllib.loads(f"r = {rule}")["r"]["kind"]


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ("", "metrics must be declared"),
        ('id = "a"\nweight = 1', "a metric says how it is computed"),
        ('id = "a"\nweight = 1\nsource = "usge"\nagg = "count"', "Did you mean 'usage'?"),
        ('id = "a"\nweight = 1\nsource = "usage"', "agg is missing"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "mode"', "is not allowed"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "sum"', "needs a column"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "count"\ncolumn = "x"', "reads no column"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "share"', "needs a condition"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "count"\nof = "sum"', "takes no of"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "count"\nmin_days = 3', "takes no min_days"),
        (
            'id = "a"\nweight = 1\nsource = "usage"\nagg = "distinct"\ncolumn = "u"\nmin_days = 3\nmax_days = 2',
            "from 3 to 2 days",
        ),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "change"\nof = "mean"', "needs a column"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "slope"\nwindow_days = 1', "at least two days"),
        ('id = "a"\nweight = 1\nratio = ["b", "c"]', "which is not computed from facts"),
        ('id = "a"\nweight = 1\nratio = ["b", "c"]\nagg = "sum"', "takes nothing but its two metrics"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "count"\nwhere = {column = "x"}', "a condition needs"),
        ('id = "a"\nweight = 1\nsource = "usage"\nagg = "count"\nwhere = "x = 1"', "valid list"),
    ],
)
def test_metrics_that_cannot_be_computed_are_refused(tmp_path: Path, metric: str, says: str) -> None:
    text = FACTS + (f"[[formula.metrics]]\n{metric}\n" if metric else "")
    assert says in str(refused(tmp_path, text))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "found none"),
        ('table = "t.csv"\nsnapshots = "s.csv"', "found snapshots and table"),
        ('table = "t.csv"', "label_positive"),
        ('snapshots = "s.csv"', "outcomes"),
        ('snapshots = { path = "a", sql = "b" }\noutcomes = "o.csv"', "either a path or sql"),
        ('outcomes = "o.csv"\n[[data.facts]]\nname = "u"\nevent_time = "t"', "either a path or sql"),
        (
            'outcomes = "o.csv"\n' + '[[data.facts]]\nname = "u"\nevent_time = "t"\npath = "x.csv"\n' * 2,
            "two [[data.facts]] are named 'u'",
        ),
    ],
)
def test_the_data_section_names_exactly_one_history(tmp_path: Path, data: str, says: str) -> None:
    assert says in str(refused(tmp_path, f'[project]\nname = "a"\n[data]\n{data}\n'))


@pytest.mark.parametrize(("text", "row"), [("[project\n", 1), ("[project]\nname = \n", 2), ('a = "', 1)])
def test_a_syntax_error_is_named_with_its_line(tmp_path: Path, text: str, row: int) -> None:
    error = refused(tmp_path, text)
    assert error.row == row
    assert "not valid TOML" in error.message


def test_what_is_missing_is_named_with_its_place(tmp_path: Path) -> None:
    assert "Add a section [data]." in str(refused(tmp_path, '[project]\nname = "a"\n'))
    assert "Add event_time = ... under [data.facts[1]]." in str(
        refused(tmp_path, '[project]\nname = "a"\n[data]\n[[data.facts]]\nname = "u"\npath = "x.csv"\n')
    )


def test_lines_of_keys_are_named_where_they_can_be_told(tmp_path: Path) -> None:
    assert refused(tmp_path, BASE + "[label]\n# a note\ngap_day = 3\n").row == 9
    assert refused(tmp_path, BASE + "[lable]\n").row == 7
    assert refused(tmp_path, "nme = 1\n" + BASE).row == 1
    assert refused(tmp_path, "label.gap_day = 1\n" + BASE).row is None


def test_a_missing_file_and_a_file_in_another_encoding_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no project file there"):
        load_project(tmp_path)
    (tmp_path / "churnbench.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load_project(tmp_path)
