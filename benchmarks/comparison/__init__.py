"""The comparison of ways to set health weights on every open set, with intervals, times and stability.

Run from the root of the project: python -m benchmarks.comparison
"""
