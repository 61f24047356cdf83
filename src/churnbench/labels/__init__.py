"""Outcome windows, eligibility, maturity and censoring."""
