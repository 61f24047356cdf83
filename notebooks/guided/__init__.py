"""What several notebooks share: opening a project and its run, and drawing."""
