"""Webhooks: events sent out, signed as Standard Webhooks, and webhooks of others taken in as events."""

from stretto.events.webhooks.door import Webhooks
from stretto.events.webhooks.schemes import Request, Scheme, Verified, register_scheme
from stretto.events.webhooks.sealing import Seal
from stretto.events.webhooks.sender import Sender
from stretto.events.webhooks.sources import HookReceiver, HookSources
from stretto.events.webhooks.store import Delivery, Source, Webhook

__all__ = [
    "Delivery",
    "HookReceiver",
    "HookSources",
    "Request",
    "Scheme",
    "Seal",
    "Sender",
    "Source",
    "Verified",
    "Webhook",
    "Webhooks",
    "register_scheme",
]
