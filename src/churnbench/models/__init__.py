"""Churn models behind one small protocol."""
