"""The doubles that Stretto's own tests use, for yours."""

from stretto.testing.admission import OpenAdmission
from stretto.testing.books import FixedPrices, KeptCalls
from stretto.testing.context import FakeContext, Retraction
from stretto.testing.limits import LimitBook, MemoryLimits
from stretto.testing.scripted import Asks, ScriptedModel
from stretto.testing.sink import KeptAnswer

__all__ = [
    "Asks",
    "FakeContext",
    "FixedPrices",
    "KeptAnswer",
    "KeptCalls",
    "LimitBook",
    "MemoryLimits",
    "OpenAdmission",
    "Retraction",
    "ScriptedModel",
]
