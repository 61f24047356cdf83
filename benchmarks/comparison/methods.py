"""Every method in one visible table. Adding one is one entry."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.comparison import boosting, formulas, rivals
from benchmarks.comparison.protocol import Method

#: The method that all others are compared with, and the two between which the gap lies.
REFIT, HAND, CEILING = "anchored", "hand", "lightgbm"
#: Trees without interactions; their distance to `CEILING` is the price of adding up.
ADDITIVE = "lightgbm_additive"


def all_methods(*, full: bool = False, outside: bool = True) -> dict[str, Method]:
    """The methods in the order of tables and figures.

    Args:
        full: explainable boosting with its own defaults, which are slow.
        outside: take in rivals whose packages are installed.
    """
    methods = {
        HAND: Method("hand formula", "recipe", formulas.own("incumbent")),
        "shap_share": Method("mean absolute SHAP share", "recipe", formulas.own("shap_share"), from_boosting=True),
        "shap_slope": Method("SHAP slope", "recipe", formulas.own("shap_slope"), from_boosting=True),
        "distilled": Method("distilled", "recipe", formulas.own("distilled"), from_boosting=True),
        "non_negative": Method("non-negative logistic", "fitted", formulas.non_negative_logistic),
        REFIT: Method("anchored refit", "fitted", formulas.own("anchored")),
        "anchored_free": Method("anchored refit, free shapes", "fitted", formulas.free_shapes),
        "compounds": Method("refit + compounds", "fitted", formulas.compounds_as_proposed, weighted=False),
        "compounds_low": Method("refit + compounds, low bar", "fitted", formulas.compounds_low_bar, weighted=False),
        "compounds_unchecked": Method(
            "refit + compounds, low bar, unchecked", "fitted", formulas.compounds_unchecked, weighted=False
        ),
        "logistic": Method("logistic regression", "rival", rivals.logistic, weighted=False),
    }
    if outside and rivals.installed("optbinning"):
        methods["scorecard"] = Method(
            "scorecard (optbinning)", "rival", rivals.scorecard, weigh=rivals.scorecard_weights
        )
    if outside and rivals.installed("interpret"):
        settings = rivals.EBM_DEFAULTS if full else rivals.EbmSettings()
        alone = rivals.ExplainableBoosting(replace(settings, interactions=0))
        methods["ebm_additive"] = Method("EBM without pairs (interpret)", "rival", alone.fit, weigh=alone.weights)
        ebm = rivals.ExplainableBoosting(settings)
        methods["ebm"] = Method("EBM with pairs (interpret)", "rival", ebm.fit, weigh=ebm.weights)
    methods[ADDITIVE] = Method("LightGBM, additive (depth 1)", "rival", boosting.additive, weighted=False)
    methods["lightgbm_monotone"] = Method("LightGBM, monotone", "rival", boosting.monotone, weighted=False)
    methods[CEILING] = Method("LightGBM, free", "rival", boosting.challenger, from_boosting=True, weighted=False)
    return methods
