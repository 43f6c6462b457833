"""Lending models to the work of a step: what asks one on its own account finds it here."""

from __future__ import annotations

from contextvars import ContextVar

from stretto.engine.step import Handler, StepContext, StepResult
from stretto.errors import Invalid
from stretto.gateway.provider import ModelProvider

_lent: ContextVar[ModelProvider | None] = ContextVar("stretto.models", default=None)


def lend_models(provider: ModelProvider, handler: Handler) -> Handler:
    """The handler, with `provider` at hand for whatever it calls: `lent_models` gives it there."""

    async def lending(ctx: StepContext) -> StepResult:
        token = _lent.set(provider)
        try:
            return await handler(ctx)
        finally:
            _lent.reset(token)

    return lending


def lent_models(what: str) -> ModelProvider:
    """The models that the step at work may ask. Raises `Invalid` for `what` where none are lent."""
    provider = _lent.get()
    if provider is None:
        raise Invalid(
            f"{what} asks models, and none are lent here. Call it in a step of a platform, or wrap the handler: "
            "`lend_models(provider, tool_handler(tools))`."
        )
    return provider
