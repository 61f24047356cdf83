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
# # 5. Quarterly review
#
# Once a quarter a data scientist, a head of customer success and a finance partner look at the evidence and decide:
# adopt the proposed formula, or keep today's. This notebook is the agenda. It opens with what was promised last time.

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
RUN = None  # folder of a finished run of it; None runs it first
PREVIOUS = None  # folder of the run that last quarter's review decided on; None leaves that part out
SEED = 0

# %%
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import display

import churnbench as cb
from churnbench.metrics import korn_graubard
from guided import plots
from guided.opening import project_at, run_of
from guided.tables import Shown, say

# %matplotlib inline
plots.style()
project = project_at(PROJECT)
cohort = project.snapshots()
run = run_of(RUN, project, SEED)
run.require_data_of(cohort)
evidence = run.evidence

# %% [markdown]
# ## Last time: what was promised, and what happened
#
# Only outcomes that matured since count: snapshots later than every one that the previous run could have learned from
# or been tested on.

# %%
if PREVIOUS is None or not cohort.dated:
    print("No previous run was named, or the data have no dates.")
else:
    before = cb.open_run(PREVIOUS)
    labelled = cohort.labelled()
    since = labelled[labelled["as_of"] > pd.Timestamp(before.evidence["data"]["last_as_of"])]
    say(f"Verdict then: {before.verdict}. Since: {len(since):,} rows, {since['account_id'].nunique():,} accounts.")
    if len(since):
        since = since.assign(band=cb.score(before.config, since)["band"].to_numpy())
        kept = []
        for place, (band, promised) in enumerate(before.thresholds().iterrows()):
            rows = since[since["band"] == band]
            if rows.empty:
                continue
            rate = korn_graubard(rows["y"], rows["account_id"])
            word = "at most" if place else "at least"
            kept.append(
                {
                    "band": band,
                    "promised": f"{word} {promised['promise']:.1%}" if pd.notna(promised["promise"]) else "",
                    "observed, %": round(100 * rate.value, 2),
                    "90 % interval": f"{100 * rate.low:.2f} to {100 * rate.high:.2f}",
                    "accounts": rows["account_id"].nunique(),
                }
            )
        display(Shown(pd.DataFrame(kept).set_index("band")))

# %% [markdown]
# ## The verdict

# %%
run

# %% [markdown]
# Each guard can forbid a promotion on its own.

# %%
for guard in evidence["gate"]["guards"]:
    say(f"{'ok' if guard['ok'] else 'BROKEN'}  {guard['id']}: {guard['detail']}")
looks = evidence["gate"]["unlocks"]
print(f"\nThe holdout was looked at {looks} time{'s' if looks != 1 else ''}.")

# %% [markdown]
# ## Has the world moved?

# %%
say((evidence["drift"] or {}).get("sentence", "nothing to compare"))

# %% [markdown]
# ## Who wins and who loses by segment

# %%
segments = pd.DataFrame(
    [
        {
            "segment": entry["segment"],
            "value": entry["delta_log_loss"]["value"],
            "low": (entry["delta_log_loss"]["ci90"] or [None, None])[0],
            "high": (entry["delta_log_loss"]["ci90"] or [None, None])[1],
            "churned": entry["events"],
        }
        for entry in evidence["segments"]
        if entry["delta_log_loss"] and entry["delta_log_loss"]["value"] is not None
    ]
)
if segments.empty:
    print("No segment has enough churned accounts for a figure of its own.")
else:
    segments.index = [f"{row.segment} ({row.churned} churned)" for row in segments.itertuples()]
    plots.intervals(
        segments[["value", "low", "high"]].astype(float),
        title="Gain over today's formula by segment (right of 0 is better)",
        xlabel="fall of the log loss per row",
    )

# %% [markdown]
# ## Which accounts change band
#
# At the newest snapshot. The largest by ARR are listed: these are the names that the meeting will ask about.

# %%
movers = evidence["movers"] or {"matrix": [], "accounts": []}
moves = pd.DataFrame(movers["matrix"])
if moves.empty:
    print("Nothing to show.")
else:
    order = [entry["band"] for entry in evidence["thresholds"]]
    counts = moves.pivot_table(index="from", columns="to", values="accounts", aggfunc="sum", fill_value=0)
    counts = counts.reindex(index=[b for b in order if b in counts.index], columns=[b for b in order if b in counts])
    figure, axis = plt.subplots(figsize=(4.5, 3.2))
    axis.imshow(counts, cmap="Blues", vmin=0)
    middle = counts.to_numpy().max() / 2
    for i, row in enumerate(counts.to_numpy()):
        for j, count in enumerate(row):
            axis.annotate(
                f"{count:,.0f}", (j, i), ha="center", va="center", color="white" if count > middle else "black"
            )
    axis.set_xticks(range(counts.shape[1]), counts.columns)
    axis.set_yticks(range(counts.shape[0]), counts.index)
    axis.set(title="Accounts by band", xlabel="candidate", ylabel="today")
    figure.tight_layout()

# %%
columns = ["account_id", "segment", "arr", "from_band", "to_band", "from_score", "to_score", "churn_probability"]
listed = pd.DataFrame(movers["accounts"])
Shown(listed[columns].head(12).set_index("account_id"), {"churn_probability": 3}) if len(listed) else "no account moves"

# %% [markdown]
# ## Targets that sound good and say little

# %%
for caveat in evidence["caveats"]:
    say(f"{caveat['target']}: {caveat['sentence']}", "")

# %% [markdown]
# ## What people must decide

# %%
questions = [f"Verdict {run.verdict}: adopt the candidate, or keep today's formula?"]
questions += [f"Approve a changed direction? {change['detail']}" for change in evidence["direction_changes"]]
questions += [f"Look at: {check['detail']}" for check in evidence["checks"] if check["severity"] == "review"]
questions += [f"Know that: {warning}" for warning in evidence["warnings"]]
for number, question in enumerate(questions, start=1):
    say(f"{number}. {question}", "")

# %% [markdown]
# The same evidence as a page to send around is `review.html` in the run's folder. Who decided what, and on what
# conditions, is recorded by `churnbench promote` (see [notebook 7](07_from_review_to_production.ipynb)).
#
# Next: [6. Account deep-dive](06_account_deep_dive.ipynb).
