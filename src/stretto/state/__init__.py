"""Shared state: versioned JSON documents that many read and write, and nobody overwrites unseen."""

from stretto.state.document import ANY, Document, Expected
from stretto.state.rules import Rule
from stretto.state.state import Listing, State
from stretto.state.writing import Write

__all__ = ["ANY", "Document", "Expected", "Listing", "Rule", "State", "Write"]
