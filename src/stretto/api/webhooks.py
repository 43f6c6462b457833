"""Webhooks out: where events are sent to, and what became of each."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.etags import IfMatch, set_etag
from stretto.api.once import OnceDoor
from stretto.api.paging import IdCursor, Limit, Next, page_of
from stretto.api.problems import fails
from stretto.errors import IdempotencyConflict, Invalid, NotFound, NotPossible, PreconditionFailed
from stretto.events.webhooks import Delivery, Webhook, Webhooks

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], route_class=JsonRoute)
READ, WRITE = [needs("webhooks:read")], [needs("webhooks:write")]
LONGEST_OVERLAP_S = 30 * 86_400
Status = Literal["pending", "succeeded", "failed"]
Url = Annotated[str, Field(min_length=1, max_length=2_000)]
Types = Annotated[list[Annotated[str, Field(min_length=1, max_length=122)]], Field(min_length=1, max_length=50)]
Description = Annotated[str, Field(max_length=200)]


async def _webhooks(platform: PlatformDoor, principal: PrincipalDoor) -> Webhooks:
    return platform.webhooks(principal.tenant_id)


WebhooksDoor = Annotated[Webhooks, Depends(_webhooks)]
"""The webhooks of the request's tenant."""


class WebhookShown(BaseModel):
    """A webhook without its secret. While it is rotated, the secret before signs until `before_until`."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    url: str
    types: list[str]
    description: str
    active: bool
    disabled_reason: str | None
    failing_since: datetime | None
    revision: int
    created_by: str
    created_at: datetime
    rotated_at: datetime | None
    before_until: datetime | None


class WebhookMade(WebhookShown):
    """A webhook and a secret just made. `secret` is shown now and never again."""

    secret: str


class WebhookList(BaseModel):
    """Latest first."""

    webhooks: list[WebhookShown]
    next: Next


class NewWebhook(Body):
    """A webhook to make. A type is exact, or ends with `.*`; `*` alone stands for all."""

    url: Url
    types: Types
    description: Description = ""


class WebhookChange(Body):
    """What to change; what is left out or null stays."""

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None
    active: bool | None = None


class SecretRotation(Body):
    """How long, in seconds, the old secret signs beside the new one."""

    overlap_s: int = Field(default=86_400, ge=0, le=LONGEST_OVERLAP_S)


class DeliveryShown(BaseModel):
    """An event on its way to a webhook, and what the last attempt met with: the first kB of the answer, or the error."""

    model_config = ConfigDict(from_attributes=True)

    event_id: UUID
    webhook_id: UUID
    type: str
    status: Status
    attempts: int
    next_at: datetime | None
    created_at: datetime
    last_at: datetime | None
    response_code: int | None
    response_text: str | None
    duration_ms: int | None
    error: str | None


class DeliveryDetail(DeliveryShown):
    """A delivery by itself, with the event that is sent."""

    event: dict[str, Any]


class DeliveryList(BaseModel):
    """Latest events first."""

    deliveries: list[DeliveryShown]
    next: Next


class FailedSince(Body):
    """Since when; deliveries of earlier events stay failed."""

    since: AwareDatetime = Field(strict=False)


class DeliveriesSentAgain(BaseModel):
    """How many deliveries are on their way again."""

    sent: int


@router.get("", dependencies=READ)
async def list_webhooks(webhooks: WebhooksDoor, before: IdCursor, limit: Limit = 50) -> WebhookList:
    """The tenant's webhooks."""
    page, following = page_of(await webhooks.list(before=before, limit=limit + 1), limit, lambda each: each.id)
    return WebhookList(webhooks=[WebhookShown.model_validate(each) for each in page], next=following)


@router.post("", status_code=201, dependencies=WRITE, responses=fails(Invalid, NotPossible, IdempotencyConflict))
async def add_webhook(
    new: NewWebhook, webhooks: WebhooksDoor, principal: PrincipalDoor, once: OnceDoor, response: Response
) -> WebhookMade:
    """Make a webhook. Its secret is in this answer and nowhere else."""
    made, secret = await webhooks.add(new.url, new.types, description=new.description, by=principal.by, once=once)
    response.headers["Location"] = f"/v1/webhooks/{made.id}"
    return _made(made, secret, response)


@router.get("/{webhook_id}", dependencies=READ, responses=fails(NotFound))
async def get_webhook(webhook_id: UUID, webhooks: WebhooksDoor, response: Response) -> WebhookShown:
    """One webhook."""
    return _shown(await webhooks.get(webhook_id), response)


@router.patch("/{webhook_id}", dependencies=WRITE, responses=fails(Invalid, NotFound, PreconditionFailed))
async def change_webhook(
    webhook_id: UUID, change: WebhookChange, webhooks: WebhooksDoor, revision: IfMatch, response: Response
) -> WebhookShown:
    """Change a webhook. What waits for one that is turned off is not sent."""
    changed = await webhooks.change(
        webhook_id,
        url=change.url,
        types=change.types,
        description=change.description,
        active=change.active,
        revision=revision,
    )
    return _shown(changed, response)


@router.delete("/{webhook_id}", status_code=204, dependencies=WRITE, responses=fails(NotFound, PreconditionFailed))
async def remove_webhook(webhook_id: UUID, webhooks: WebhooksDoor, revision: IfMatch) -> None:
    """Remove a webhook and what waits for it."""
    await webhooks.remove(webhook_id, revision=revision)


@router.post("/{webhook_id}/rotate", dependencies=WRITE, responses=fails(NotFound))
async def rotate_webhook(
    webhook_id: UUID, rotation: SecretRotation, webhooks: WebhooksDoor, response: Response
) -> WebhookMade:
    """Make another secret. For the overlap each message is signed by both."""
    secret = await webhooks.rotate(webhook_id, rotation.overlap_s)
    return _made(await webhooks.get(webhook_id), secret, response)


@router.post("/{webhook_id}/test", status_code=202, dependencies=WRITE, responses=fails(NotFound, NotPossible))
async def test_webhook(webhook_id: UUID, webhooks: WebhooksDoor) -> DeliveryDetail:
    """Send the event `stretto.webhook.tested` to this webhook alone."""
    return _detail(await webhooks.test(webhook_id))


@router.post("/{webhook_id}/send-again", status_code=202, dependencies=WRITE, responses=fails(NotFound, NotPossible))
async def send_failed_again(webhook_id: UUID, failed: FailedSince, webhooks: WebhooksDoor) -> DeliveriesSentAgain:
    """Send all again that failed of events since a time, from the first attempt on."""
    return DeliveriesSentAgain(sent=await webhooks.send_again(webhook_id, since=failed.since))


@router.get("/{webhook_id}/deliveries", dependencies=READ, responses=fails(NotFound))
async def list_deliveries(
    webhook_id: UUID,
    webhooks: WebhooksDoor,
    before: IdCursor,
    status: Annotated[Status | None, Query(description="Only those that stand like this.")] = None,
    type: Annotated[str | None, Query(max_length=122, description="How the event's type begins.")] = None,
    limit: Limit = 50,
) -> DeliveryList:
    """What was sent to a webhook, or is to be. Kept as long as events are."""
    found = await webhooks.deliveries(webhook_id, before=before, status=status, type_=type, limit=limit + 1)
    page, following = page_of(found, limit, lambda each: each.event_id)
    return DeliveryList(deliveries=[DeliveryShown.model_validate(each) for each in page], next=following)


@router.get("/{webhook_id}/deliveries/{event_id}", dependencies=READ, responses=fails(NotFound))
async def get_delivery(webhook_id: UUID, event_id: UUID, webhooks: WebhooksDoor) -> DeliveryDetail:
    """One delivery."""
    return _detail(await webhooks.delivery(webhook_id, event_id))


@router.post(
    "/{webhook_id}/deliveries/{event_id}/send-again",
    status_code=202,
    dependencies=WRITE,
    responses=fails(NotFound, NotPossible),
)
async def send_delivery_again(webhook_id: UUID, event_id: UUID, webhooks: WebhooksDoor) -> DeliveryDetail:
    """Send an event again, also one that was received, from the first attempt on."""
    await webhooks.send_again(webhook_id, event_id=event_id)
    return _detail(await webhooks.delivery(webhook_id, event_id))


def _shown(webhook: Webhook, response: Response) -> WebhookShown:
    set_etag(response, webhook.revision)
    return WebhookShown.model_validate(webhook)


def _made(webhook: Webhook, secret: str, response: Response) -> WebhookMade:
    return WebhookMade(**_shown(webhook, response).model_dump(), secret=secret)


def _detail(delivery: Delivery) -> DeliveryDetail:
    return DeliveryDetail(**DeliveryShown.model_validate(delivery).model_dump(), event=orjson.loads(delivery.body))
