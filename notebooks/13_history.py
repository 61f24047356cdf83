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
# # 13. The history of scores
#
# Between two reviews the score is used every day. This notebook keeps a history of a small simulated book: months are
# appended, accounts that leave are frozen, one change is explained, somebody overrides a band.
#
# Everything is written to a scratch folder. Why an account is red in the first place is asked in
# [6. Account deep-dive](06_account_deep_dive.ipynb).

# %% tags=["parameters"]
ACCOUNTS = 300
MONTHS = 9
SEED = 5

# %%
import pandas as pd

from churnbench.data.project import load_project
from churnbench.data.simulate import simulate_world, write_tables
from churnbench.data.simulate_demo import project_file_text
from churnbench.export import build_document
from churnbench.formula import build_body
from churnbench.history import explain_change, open_store, score_day, with_velocity
from guided.opening import scratch
from guided.tables import Shown, say

folder = scratch()
world = simulate_world(ACCOUNTS, MONTHS, SEED)
write_tables(world, folder)
(folder / "churnbench.toml").write_text(project_file_text(), encoding="utf-8")
snapshots = pd.read_csv(folder / "snapshots.csv", parse_dates=["as_of"])
outcomes = pd.read_csv(folder / "outcomes.csv")
body = build_body(load_project(folder).formula, snapshots)
document = build_document(
    body, config_id="demo", config_version="1.0.0", sequence=1, lifecycle={"created": "2024-01-01"}
)

# %% [markdown]
# ## Month after month
#
# Each month is scored with what the history knows of the months before (the band in force), and appended once.
# Appending the same month again changes nothing.

# %%
store = open_store(folder / "history")
made = []
for day, rows in snapshots.groupby("as_of"):
    today = day.date()
    store.freeze(outcomes[pd.to_datetime(outcomes["churned_on"]) <= day], today=today)
    readings = score_day(document, rows, today, state=store.state(today))
    done = store.append(document, readings, today=today)
    again = store.append(document, readings, today=today)
    made.append({"month": f"{today}", "added": done.added, "left out, churned": done.frozen, "again": again.added})
Shown(pd.DataFrame(made).set_index("month"), caption="Readings appended")

# %% [markdown]
# ## Who moves
#
# Velocity is points per day since the reading a month before. A band changes after two readings beyond it, which is why
# the band shown and the calculated one differ here and there.

# %%
history = with_velocity(store.history())
latest = history[history["as_of"] == history["as_of"].max()]
counts = pd.crosstab(latest["band"], latest["velocity_band"])
Shown(
    counts.reindex([band for band in ("green", "yellow", "red") if band in counts.index]),
    caption="Accounts by band and velocity",
)

# %%
held = int((history["calculated_band"] != history["band"]).sum())
say(f"{held} of {len(history):,} readings show another band than the thresholds alone would.")

# %% [markdown]
# ## Why one account fell
#
# The parts add up to the change exactly: values that changed, values that went missing, and what else there is.

# %%
account = latest.dropna(subset="velocity").sort_values("velocity")["account_id"].iloc[0]
first, last = history.loc[history["account_id"] == account, "as_of"].iloc[[-2, -1]].dt.date
change = explain_change(store.reading(account, first), store.reading(account, last), store.documents())
parts = pd.DataFrame([vars(part) for part in change.parts])
parts["points"] = parts.pop("points_x100") / 100
Shown(parts.set_index(["cause", "what"]), {"points": 2}, f"{account}: {change.total_x100 / 100:+.2f} points")

# %% [markdown]
# ## Somebody knows better
#
# An override is shown beside the calculated band, with its reason and its end. No re-score touches it.

# %%
until = (latest["as_of"].iloc[0] + pd.Timedelta(days=30)).date()
store.override(account, band="red", reason="The champion has left", author="Ada Byron", today=last, until=until)
columns = ["as_of", "health_score", "calculated_band", "band", "override_reason", "override_author"]
shown = store.history([account])[columns].tail(3).assign(as_of=lambda rows: rows["as_of"].dt.date.astype(str))
Shown(shown.set_index("as_of"))

# %%
store.close()
