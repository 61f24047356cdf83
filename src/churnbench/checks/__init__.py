"""Leakage and sanity checks with severity and detail."""
