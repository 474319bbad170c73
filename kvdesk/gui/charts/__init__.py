"""One chart per file."""
