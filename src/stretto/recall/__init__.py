"""Past runs, remembered by what they were about and found again when something like it is to be done."""

from stretto.recall.episodes import Episode, Episodes, Recalled
from stretto.recall.tools import recall_tools

__all__ = ["Episode", "Episodes", "Recalled", "recall_tools"]
