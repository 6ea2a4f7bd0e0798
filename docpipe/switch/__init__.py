"""A collection takes the place of the searched one: when it is complete and finds no less, or when somebody says so."""

from docpipe.switch.by_hand import activate, release, rollback
from docpipe.switch.cost import NewCollection, new_collection
from docpipe.switch.outcome import Outcome, Verdict
from docpipe.switch.standing import Standing, look
from docpipe.switch.switching import due, switch

__all__ = ["NewCollection", "Outcome", "Standing", "Verdict", "activate", "due", "look", "new_collection", "release", "rollback", "switch"]
