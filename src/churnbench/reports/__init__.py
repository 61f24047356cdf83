"""HTML and plots; the only importer of plotting libraries."""
