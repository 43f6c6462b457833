"""Questions about figures: understood by a grammar or written as SQL by a model, checked, and run for one tenant, read-only."""

from stretto_reviews.sqlagent.agent import Figures, Writer, ask_figures
from stretto_reviews.sqlagent.catalogue import CATALOGUE, describe
from stretto_reviews.sqlagent.check import Checked, checked
from stretto_reviews.sqlagent.grammar import Understood, understand
from stretto_reviews.sqlagent.names import Names, read_names
from stretto_reviews.sqlagent.run import Table, ask_rows

__all__ = [
    "CATALOGUE",
    "Checked",
    "Figures",
    "Names",
    "Table",
    "Understood",
    "Writer",
    "ask_figures",
    "ask_rows",
    "checked",
    "describe",
    "read_names",
    "understand",
]
