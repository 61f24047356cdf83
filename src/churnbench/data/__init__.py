"""Project file, column contracts, readers and the synthetic world."""
