"""Value types every layer shares; no input or output here."""
