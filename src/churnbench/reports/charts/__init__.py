"""Inline SVG charts: each module draws one kind of figure from plain values."""
