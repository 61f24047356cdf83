"""Config document, SQL, scoring of files and engine parity."""
