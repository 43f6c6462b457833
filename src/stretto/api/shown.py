"""A run as answers show it: the record of the engine, its money as plain decimal text."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, PlainSerializer

Status = Literal["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"]
Money = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount.normalize():f}", return_type=str)]


class RunSummary(BaseModel):
    """A run in the list: all but its input and output."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    flow_name: str
    flow_version: int
    status: Status
    priority: int
    error: Any
    parent_id: UUID | None
    cost_usd: Money
    accepted_at: datetime
    updated_at: datetime
    finished_at: datetime | None


class RunDetail(RunSummary):
    """A run by itself."""

    input: Any
    output: Any
