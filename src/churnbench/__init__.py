"""Predictive churn modelling workbench for B2B customer success."""

__version__ = "0.1.0"
