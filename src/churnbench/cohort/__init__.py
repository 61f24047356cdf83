"""The labelled cohort: features joined to outcomes, checked once."""
