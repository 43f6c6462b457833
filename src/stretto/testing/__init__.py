"""The doubles that Stretto's own tests use, for yours."""

from stretto.testing.context import FakeContext, Retraction
from stretto.testing.scripted import ScriptedModel

__all__ = ["FakeContext", "Retraction", "ScriptedModel"]
