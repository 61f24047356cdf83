"""The sections of the review page; each is a function of the evidence alone. `reports.tabs` puts them in order."""
