"""Measurements; each file's docstring says what it measures. Commands and figures: README.md."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `app.py` has it, before numpy is imported
