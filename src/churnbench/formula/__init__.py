"""The vectorised health formula and the presets."""
