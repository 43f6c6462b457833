"""What routes share: a run as answers show it, its money as plain decimal text, and the bounds of names."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

Status = Literal["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"]
FlowName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""The name of a flow. Stored ones have small letters, digits and hyphens, at most 63."""
StepPath = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
"""A step's name, or its path, such as `build[2].code`."""
Priority = Annotated[int, Field(ge=0, le=3)]
"""0 (first) to 3 (last)."""
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
