"""Date-based splits with derived purge, the runner and its result."""
