"""SHAP values as signed contributions; the only importer of shap."""

from churnbench.explain.attribution import Attribution, shap_explanation

__all__ = ["Attribution", "shap_explanation"]
