"""Proofs of the statistical promises, by simulated truth."""
