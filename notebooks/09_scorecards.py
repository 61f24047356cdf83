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
# # 9. Scorecards
#
# A platform keeps a scorecard; its weights shall be calibrated here and carried back. This notebook plays the platform:
# it scores a simulated book with a scorecard of its own, imports that scorecard with one convention read wrongly, finds
# out which, and writes a formula with curves back as bands to see what they lose.

# %% tags=["parameters"]
ACCOUNTS = 1200
MONTHS = 12
SEED = 9
BANDS = 5  # bands per measure that the platform allows

# %%
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from churnbench.data.presets import load_preset
from churnbench.data.simulate import simulate_world
from churnbench.export import build_document
from churnbench.formula import build_body
from churnbench.scorecards import check_parity, export_scorecard, layout_of, measure_loss, read_scorecard
from guided.tables import Shown, say

place = TemporaryDirectory()
folder = Path(place.name)
world = simulate_world(ACCOUNTS, MONTHS, SEED)
latest = world.snapshots.sort_values("as_of").groupby("account_id").tail(1).reset_index(drop=True)

# %% [markdown]
# ## 1. The platform's scorecard
#
# Which scores does the platform show? Here NumPy computes them, so that nothing of churnbench is on both sides.

# %%
CARD = {
    "name": "Core health",
    "low": 0,
    "high": 100,
    "weights": "within_group",
    "boundary": ">=",
    "nulls": "ignored",
    "rounding": "half_up",
    "groups": [
        {
            "name": "usage",
            "weight": 60,
            "measures": [
                {
                    "name": "active_seats_share",
                    "weight": 100,
                    "bands": [{"points": 20}, {"from": 0.5, "points": 60}, {"from": 0.8, "points": 100}],
                }
            ],
        },
        {
            "name": "sentiment",
            "weight": 40,
            "measures": [{"name": "nps", "weight": 100, "bands": [{"points": 30}, {"from": 0, "points": 90}]}],
        },
    ],
    "states": [{"name": "red", "from": 0}, {"name": "yellow", "from": 50}, {"name": "green", "from": 75}],
}
seats, nps = latest["active_seats_share"].round(1).to_numpy(), latest["nps"].round(-1).to_numpy(dtype=float)
usage = np.select([seats >= 0.8, seats >= 0.5], [100.0, 60.0], 20.0)
# The platform counts a customer without an answer as 0 points, and a value on a border to the band below.
sentiment = np.where(np.isnan(nps), 0.0, np.where(nps > 0, 90.0, 30.0))
shown = np.floor(0.6 * usage + 0.4 * sentiment + 0.5)
table = pd.DataFrame({"account_id": latest["account_id"], "active_seats_share": seats, "nps": nps, "score": shown})
table.to_csv(folder / "accounts.csv", index=False)

# %% [markdown]
# ## 2. Imported, and held against it


# %%
def parity_of(card: dict):
    (folder / "card.json").write_text(json.dumps(card), encoding="utf-8")
    return check_parity(read_scorecard(folder / "card.json", "gainsight"), folder / "accounts.csv", score="score")


first = parity_of(CARD)
say(first.sentence, *first.other_readings)
Shown(first.differences["why"].value_counts().rename_axis("why").reset_index(name="accounts"))

# %% [markdown]
# Two conventions were read wrongly: missing answers, and the border of NPS. Each sentence says how many accounts would
# agree if that one alone were changed, and every account that differs is told its own; both together settle it.

# %%
CARD["groups"][1]["measures"][0] |= {"nulls": "zero", "boundary": ">"}
second = parity_of(CARD)
say(second.sentence)

# %% [markdown]
# ## 3. The way back
#
# A formula with curves, written for a platform that knows bands alone. What is lost, and who would change band?

# %%
spec = load_preset("four-dimensions")
known = [metric for metric in spec.metrics if metric.id in latest.columns]
spec = replace(spec, metrics=tuple(known), segment_weights={})
body = build_body(spec, latest)
document = build_document(
    body, config_id="core", config_version="1.0.0", sequence=1, lifecycle={"created": "2024-01-01"}
)
latest.to_parquet(folder / "inputs.parquet")
rows = []
for bands in (2, 3, BANDS, 10):
    exported = export_scorecard(document, layout_of("gainsight"), bands=bands)
    loss = measure_loss(exported, document, folder / "inputs.parquet")
    rows.append((bands, exported.at_most, loss.worst, loss.mean, loss.other_band))
Shown(pd.DataFrame(rows, columns=["bands", "at most (points)", "worst seen", "mean", "accounts in another band"]))

# %%
exported = export_scorecard(document, layout_of("gainsight"), bands=BANDS)
say(*exported.losses)

# %% [markdown]
# With all measures known the worst account stays within the stated bound. What a platform cannot express is listed,
# not guessed: whether yours has a place for it, its administrator knows. A consumer that reads the config itself loses
# nothing: see [notebook 7](07_from_review_to_production.ipynb).
