"""genmeter's tests: one folder per room."""
