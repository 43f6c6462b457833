"""A provider that simulates a model: seeded text, chosen speed, chosen failures, no key and no network."""

from stretto.gateway.simulated.faults import Fault, FaultPlan
from stretto.gateway.simulated.provider import SimulatedProvider

__all__ = ["Fault", "FaultPlan", "SimulatedProvider"]
