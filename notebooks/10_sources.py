# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 10. Sources
#
# From the tables that a loader leaves in a warehouse to metrics as they were known on a date. This notebook makes a
# small warehouse (Zendesk and Amplitude, four accounts), lets `churnbench sources` write the SQL, and shows what goes
# wrong when a ticket's current status is used instead of its history. Once the lines are in your project file,
# [the checks](01_data_and_checks.ipynb) come next.

# %% tags=["parameters"]
SEED = 0

# %%
import duckdb
import numpy as np
import pandas as pd
from IPython.display import display

from churnbench.data.presets import load_preset
from churnbench.data.project import load_project
from churnbench.data.session import Session
from churnbench.features import features_at, open_facts
from churnbench.sources import DIALECTS, Identity, asked_for, count_identities, snippet
from churnbench.sources.snippet import Target
from guided.opening import scratch
from guided.tables import Shown

rng = np.random.default_rng(SEED)
folder = scratch()

# %% [markdown]
# ## A warehouse
#
# Tickets with their field history; product events with a group. Account `D` left in May, and its tickets were closed
# when it did. Organisation 40 has no `external_id`: only an identity table knows that it is `D`.

# %%
days = pd.date_range("2024-01-01", "2024-05-31")
organizations = pd.DataFrame({"id": [10, 20, 30, 40], "external_id": ["A", "B", "C", None]})
tickets = pd.DataFrame(
    {"id": np.arange(120), "organization_id": rng.choice([10, 20, 30, 40], 120, p=[0.2, 0.2, 0.2, 0.4])}
)
tickets["created_at"] = rng.choice(days[:130], 120)
solved = tickets["created_at"] + pd.to_timedelta(rng.gamma(2, 30, 120), unit="h")
late = (tickets["organization_id"] == 40) & (tickets["created_at"] > "2024-03-01")
solved[late] = pd.Timestamp("2024-05-30")  # closed when the account had left
tickets["status"] = "solved"
history = pd.concat(
    [
        pd.DataFrame({"ticket_id": tickets["id"], "field_name": field, "value": value, "updated": at})
        for field, value, at in (
            ("status", "new", tickets["created_at"]),
            ("priority", "urgent", tickets["created_at"]),
            ("status", "solved", solved),
        )
    ]
)
events = pd.DataFrame({"event_time": rng.choice(days, 4000) + pd.to_timedelta(rng.integers(0, 86400, 4000), unit="s")})
events["event_type"] = rng.choice(["login", "report", "export"], 4000)
events["user_id"] = rng.integers(0, 25, 4000).astype(str)
events["session_id"] = rng.integers(0, 900, 4000)
events["groups"] = [f'{{"company": ["{name}"]}}' for name in rng.choice(["A", "B", "C", "D", "E?"], 4000)]
events["insert_id"] = np.arange(4000)
identity = pd.DataFrame(
    {"source": ["zendesk"], "source_key": ["40"], "account_id": ["D"], "valid_from": [None], "valid_to": [None]}
)

with duckdb.connect(str(folder / "warehouse.duckdb")) as warehouse:
    for schema, tables in {
        "zendesk": {"ticket": tickets, "organization": organizations, "ticket_field_history": history},
        "amplitude": {"event": events},
        "core": {"identity": identity.astype("string")},
    }.items():
        warehouse.execute(f"CREATE SCHEMA {schema}")
        for name, frame in tables.items():
            warehouse.register("frame", frame)
            warehouse.execute(f"CREATE TABLE {schema}.{name} AS SELECT * FROM frame")

# %% [markdown]
# ## The lines for the project file
#
# On the command line: `churnbench sources add zendesk --to PROJECT --identity core.identity`. Metrics of the formula
# are declared, and those asked for with `--metric`; all others are comments to choose from.

# %%
head = """
[project]
name = "acme"
[data]
database = "warehouse.duckdb"
outcomes = "outcomes.csv"
accounts = "accounts.csv"
[formula]
preset = "four-components"
"""
(folder / "outcomes.csv").write_text("account_id,churned_on\nD,2024-05-29\n")
(folder / "accounts.csv").write_text("account_id\nA\nB\nC\nD\n")
target = Target(load_preset("four-components"), taken={})
zendesk = asked_for("zendesk", DIALECTS["duckdb"], identity=Identity(("core", "identity")))
lines = [
    snippet(zendesk, target, also=["open_critical_tickets"]),
    snippet(asked_for("amplitude", DIALECTS["duckdb"]), target),
]
(folder / "churnbench.toml").write_text(head + "\n".join(lines))
print(
    *[line for line in lines[0].splitlines() if line.startswith(("[[", "id =", "source =", "agg =", "ratio ="))],
    sep="\n",
)

# %% [markdown]
# ## Did every event find its account?

# %%
project = load_project(folder)
counted = count_identities(project)
found = pd.DataFrame([{k: v for k, v in one.as_facts().items() if k != "keys"} for one in counted]).set_index("fact")
display(Shown(found, caption="Events by what they were resolved to; a stranger is an account outside the book"))
strangers = next(one.keys for one in counted if one.fact == "amplitude_events")
display(Shown(strangers.set_index("status"), caption="Keys that found no account of the book"))

# %% [markdown]
# ## Metrics as they were known
#
# Three month ends. Beside them the count of open critical tickets that the current status gives:
# it is 0 on every date, for the account that left as for the others, because the tickets are closed *today*.

# %%
dates = pd.date_range("2024-02-29", "2024-04-30", freq="ME")
with Session() as session:
    facts = open_facts(session, project)
    ids = pd.DataFrame({"account_id": ["A", "B", "C", "D"]})
    known = features_at(facts, ids, dates, project.declared.computed)
shown = known.set_index(["account_id", "as_of"])[["open_critical_tickets", "resolution_hours_90d", "stickiness"]].round(
    2
)
now = tickets[tickets["status"] != "solved"].groupby("organization_id").size()
shown["open by current status"] = [int(now.sum())] * len(shown)
shown = shown.rename(index=lambda day: f"{day:%Y-%m-%d}", level="as_of")
display(Shown(shown, {"open_critical_tickets": 0}))
