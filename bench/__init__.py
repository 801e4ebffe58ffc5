"""Measurements; each file's docstring says what it measures. Commands and figures: README.md."""
