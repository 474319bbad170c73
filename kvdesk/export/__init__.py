"""Launch commands for other programs, and reading them back."""
