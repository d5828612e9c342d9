"""The first rows of a load, chosen so that together they hold all that the input holds.

things     what an input holds: names of events, device types, attributes with their types
cover      which row has which of them, in one pass and in bounded memory
choice     the rows to send first: pure
choosing   the choice for a plan
answers    what became of them
"""

from loader.canary.answers import Answered, read_answers
from loader.canary.choice import Canary, CanaryRow
from loader.canary.choosing import choose_canary
from loader.canary.things import Thing, ThingKind

__all__ = ["Answered", "Canary", "CanaryRow", "Thing", "ThingKind", "choose_canary", "read_answers"]
