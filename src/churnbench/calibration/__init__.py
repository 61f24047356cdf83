"""Weights, curves, thresholds and the gate."""
