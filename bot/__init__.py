"""The line from ticket to reply. Imports no sibling package; `app.py` puts the parts together."""

import os

STARTED = (os.getpid(), os.getppid())  # known before all else is imported, in which time whoever started us may end
