"""Webhooks: events sent out, signed as Standard Webhooks, and webhooks of others taken in as events."""

from stretto.events.webhooks.door import Webhooks
from stretto.events.webhooks.places import Places
from stretto.events.webhooks.schemes import Request, Scheme, Verified, register_scheme, scheme_names
from stretto.events.webhooks.sealing import Seal
from stretto.events.webhooks.sender import Sender, open_session, seconds_of
from stretto.events.webhooks.sources import HookReceiver, HookSources
from stretto.events.webhooks.store import Delivery, Source, Webhook

__all__ = [
    "Delivery",
    "HookReceiver",
    "HookSources",
    "Places",
    "Request",
    "Scheme",
    "Seal",
    "Sender",
    "Source",
    "Verified",
    "Webhook",
    "Webhooks",
    "open_session",
    "register_scheme",
    "scheme_names",
    "seconds_of",
]
