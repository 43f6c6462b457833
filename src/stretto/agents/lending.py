"""Lending models to the work of a step: what asks one on its own account finds it here."""

from __future__ import annotations

from stretto.engine.lending import Loan
from stretto.engine.step import Handler
from stretto.gateway.provider import ModelProvider

_LOAN: Loan[ModelProvider] = Loan(
    "stretto.models",
    "asks models, and none are lent here. Call it in a step of a platform, or wrap the handler: "
    "`lend_models(provider, tool_handler(tools))`.",
)


def lend_models(provider: ModelProvider, handler: Handler) -> Handler:
    """The handler, with `provider` at hand for whatever it calls: `lent_models` gives it there."""
    return _LOAN.lend(provider, handler)


def lent_models(what: str) -> ModelProvider:
    """The models that the step at work may ask. Raises `Invalid` for `what` where none are lent."""
    return _LOAN.borrowed(what)
