"""The helpdesks. A folder with a `connector.py` is the registration; see README.md for what it holds."""
