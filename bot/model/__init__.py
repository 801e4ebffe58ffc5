"""The words of the line: frozen values, aware UTC times, tuples oldest first."""

from bot.model.conversation import *
from bot.model.drafting import *
from bot.model.kinds import *
from bot.model.knowledge import *
from bot.model.learning import *
