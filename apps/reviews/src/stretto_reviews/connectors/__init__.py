"""Telling other systems: points, campaigns, tags and data sets, once each. Off until a tenant configures them."""

from stretto_reviews.connectors.port import Connector, Delivery
from stretto_reviews.connectors.store import Planned, State, deliveries, plan, send_again

__all__ = ["Connector", "Delivery", "Planned", "State", "deliveries", "plan", "send_again"]
