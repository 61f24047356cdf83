"""Point-in-time metrics from dated facts."""
