"""The line from ticket to reply. Imports no sibling package; `app.py` puts the parts together."""
