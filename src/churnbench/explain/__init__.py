"""SHAP values as signed contributions; the only importer of shap."""
