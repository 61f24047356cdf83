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
# # 12. Monitoring
#
# A config was released; the quarters go by. Does it still hold? Here the hazard of a simulated company rises at a known
# date, and the same look is taken at the end of every quarter, each time with what was known by then.
# How a release comes about: [7](07_from_review_to_production.ipynb).

# %% tags=["parameters"]
SEED = 3
ACCOUNTS = 1400  # about 1,000 under contract at a time
FACTOR = 2.0  # on everybody's hazard from the shift on; 1 for a stable company
SHIFT_ON = "2025-04-01"
REVIEWED = "2025-03-31"  # last day whose outcomes the review had seen

# %%
from dataclasses import replace
from datetime import date

import matplotlib.pyplot as plt
import pandas as pd

from churnbench.calibration import CONTENDERS, Settings, Training
from churnbench.cohort import open_history
from churnbench.data.project import load_project
from churnbench.data.simulate import simulate_world, write_tables
from churnbench.export import build_document
from churnbench.monitoring import Watched, monitor, recalibrated_document
from guided import plots
from guided.opening import scratch
from guided.tables import Shown, say

# %matplotlib inline
plots.style()
shift = (date.fromisoformat(SHIFT_ON), FACTOR)
world = simulate_world(ACCOUNTS, 30, SEED, truth=False, hazard_shift=shift)
folder = scratch()

# %% [markdown]
# ## What was known when
#
# A project folder per quarter end: later snapshots are not there yet, and later records of churn neither.


# %%
def known(day):
    """Cohort and churns as the company knew them on a day."""
    place = folder / day
    place.mkdir()
    until = pd.Timestamp(day)
    made = replace(
        world,
        snapshots=world.snapshots[world.snapshots["as_of"] <= until],
        outcomes=world.outcomes[world.outcomes["known_on"] <= until],
    )
    write_tables(made, place)
    (place / "churnbench.toml").write_text(
        '[project]\nname = "simulated"\n\n[data]\nsnapshots = "snapshots.csv"\noutcomes = "outcomes.csv"\n'
        f'accounts = "accounts.csv"\n\n[label]\ndata_through = {day}\n',
        encoding="utf-8",
    )
    history = open_history(load_project(place))
    return history.cohort(), history.outcomes().churns, history.formula


# %% [markdown]
# ## The config in force
#
# To save time this is the preset with a risk curve fitted on what was known at the review; any config document does.

# %%
cohort, churns, formula = known(REVIEWED)
training = Training.of(cohort, cohort.labelled().index.to_numpy(), formula, Settings(seed=SEED))
body = CONTENDERS["incumbent"].fit("incumbent", training, cohort.window).body
document = build_document(
    body,
    config_id="simulated",
    config_version="1.0.0",
    sequence=1,
    lifecycle={"created": f"{REVIEWED}T00:00:00Z"},
    provenance={"label_window": [f"{cohort.frame['as_of'].min():%Y-%m-%d}", REVIEWED]},
)
watched = Watched(document, date.fromisoformat(REVIEWED))
say(f"The curve rests on {training.events} churned accounts.")

# %% [markdown]
# ## One look per quarter
#
# The label delay is the price of every look: outcomes of the last weeks are not recorded yet.

# %%
looks = {}
for day in ("2025-06-30", "2025-09-30", "2025-12-31"):
    cohort, churns, _ = known(day)
    looks[day] = monitor(cohort, churns, watched, project="simulated", seed=SEED)
table = pd.DataFrame(
    {
        day: {
            "churned": look.recent.observed,
            "expected": look.recent.expected,
            "ratio to before": look.change.ratio,
            "low": look.change.low,
            "high": look.change.high,
            "rows that wait": look.delay["waiting_rows"],
        }
        for day, look in looks.items()
    }
).T.astype(float)
Shown(table, {"churned": 0, "expected": 1, "rows that wait": 0}, "Newest outcomes, at most two quarters of them")

# %%
for day, look in looks.items():
    say(f"{day}: {look.sentence} Exit code {look.exit_code}.")

# %%
months = pd.DataFrame(look.churn_change.series)
months["date"] = pd.to_datetime(months["date"])
sums = months.rolling(3, on="date")[["observed", "expected"]].sum()
figure, axis = plt.subplots(figsize=(8, 3))
axis.plot(months["date"], sums["observed"] / sums["expected"])
axis.axhline(1.0, linewidth=0.8, color="grey")
axis.axvline(pd.Timestamp(SHIFT_ON), linestyle=":", color="grey")
axis.set_ylabel("observed / expected")
axis.set_title("Three snapshots at a time; dotted: the true shift")
plt.show()
say(f"The largest break is dated {look.churn_change.on} (p = {look.churn_change.p:.3f}).")

# %% [markdown]
# ## The draft
#
# Where the verdict asks for it, a draft of the same formula with its risk curve moved. It says that nobody has tested
# it, and goes the usual way (`churnbench run PROJECT --candidate recalibrated.json`).


# %%
def curve(made):
    """P(churn) by raw score where no renewal lies in the window."""
    points = made["body"]["risk_curve"]["strata"][-1]["points"]
    return pd.Series({point[0]: point[1] for point in points}).loc[[40.0, 60.0, 80.0]]


shown = pd.DataFrame({"in force": curve(document)})
if look.exit_code in (10, 11):
    draft = recalibrated_document(cohort, churns, watched, look)
    shown["draft"] = curve(draft)
    say(draft["provenance"]["warnings"][0])
else:
    say("No draft is called for.")
shown.index.name = "raw score"
Shown(shown, dict.fromkeys(shown, 4), "P(churn) in the window, no renewal inside it")
