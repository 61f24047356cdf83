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
# # 15. Reports
#
# Between reviews the score is read every day: by the person who calls an account, by the manager of a portfolio, by the
# board. Seven reports say where things stand, each as HTML, Markdown and JSON, and each figure carries where it came
# from. `churnbench report KIND PROJECT --out FILE` writes them; this notebook makes the same objects and looks inside.
# What each holds is described in [docs/reports.md](../docs/reports.md).

# %% tags=["parameters"]
PROJECT = None  # path of a project folder; None makes the demo project
RUN = None  # folder of a finished run of it; None runs it first
SEED = 0

# %%
import pandas as pd

from churnbench.health import worst_account
from churnbench.workflow.health_book import book_of
from churnbench.workflow.health_reports import KINDS, make_report, write_report
from guided.opening import project_at, run_of, scratch
from guided.tables import Shown, say

opened = project_at(PROJECT)
run = run_of(RUN, opened, SEED)
book = book_of(opened.project, run=run.folder)
say(f"{len(book.current)} active accounts on {book.as_of:%Y-%m-%d}, scored by the {book.formula_source}.")

# %% [markdown]
# ## One sentence each
#
# A report begins with its finding. Whatever cannot be shown says what is missing and how to supply it.

# %%
reports = {kind: make_report(book, kind) for kind in KINDS}
Shown(pd.DataFrame([{"report": kind, "says": made.headline} for kind, made in reports.items()]).set_index("report"))

# %% [markdown]
# ## Every figure has a source
#
# The figures of the account with the largest revenue at risk, each with its interval and its definition.


# %%
def plain(rows, columns=None):
    """Rows of a report as a frame; intervals as text."""
    texts = [
        {
            name: " to ".join(f"{end:.3f}" for end in value) if isinstance(value, list) else value
            for name, value in row.items()
        }
        for row in rows
    ]
    return pd.DataFrame(texts, columns=columns)


def digits(value):
    """Three decimals for shares, as many as it takes for the rest."""
    if not isinstance(value, float):
        return value
    return f"{value:.3f}" if 0 < abs(value) < 1 else f"{value:,.2f}".removesuffix(".00")


say(f"Account {worst_account(book)}.")
facts = plain(reports["account"].as_dict()["facts"], ["label", "value", "ci90", "how"])
facts["value"] = facts["value"].map(digits)
Shown(facts.rename(columns={"label": "figure", "ci90": "90 % interval", "how": "where from"}).set_index("figure"))

# %% [markdown]
# ## What would help
#
# What the churn probability would read if one metric stood at its peers' median. It says what the score reads; it does
# not say that raising the metric keeps the customer.

# %%
parts = {part["id"]: part for section in reports["account"].as_dict()["sections"] for part in section["parts"]}
drivers = plain(parts.get("drivers", {}).get("rows", []), ["metric", "points", "then"]).set_index("metric")
Shown(
    drivers.rename(columns={"points": "points against its peers", "then": "P(churn) at their median"}),
    {"P(churn) at their median": 3},
)

# %% [markdown]
# ## Were past flags right?
#
# Only readings whose outcome window has passed are judged, and those after the config's own training stand apart.

# %%
board = {part["id"]: part for section in reports["executive"].as_dict()["sections"] for part in section["parts"]}
flags = plain(board["flags"].get("rows", []))
Shown(flags.set_index("which") if len(flags) else flags, dict.fromkeys(("flagged", "precision", "others", "recall"), 3))

# %% [markdown]
# ## As files
#
# The same objects, drawn. The customer's own view holds a traffic light and progress, and no figure at all.

# %%
folder = scratch()
written = [write_report(made, folder, form) for made in reports.values() for form in ("html", "markdown", "json")]
say(*(f"- {path.name}" for path in sorted(written)))
