"""What routes share: a run as answers show it, its money as plain decimal text, and the bounds of names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from stretto.gateway.ledger import UsageRow

Status = Literal["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"]
FlowName = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""The name of a flow. Stored ones have small letters, digits and hyphens, at most 63."""
StepPath = Annotated[str, StringConstraints(min_length=1, max_length=1_000)]
"""A step's name, or its path, such as `build[2].code`."""
Priority = Annotated[int, Field(ge=0, le=3)]
"""0 (first) to 3 (last)."""
Money = Annotated[Decimal, PlainSerializer(lambda amount: f"{amount.normalize():f}", return_type=str)]


class RunSummary(BaseModel):
    """A run in the list: all but its input and output.

    What its calls of models came to is as the ledger has it, a second behind; null in the answer to what starts or steers a run.
    """

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
    input_tokens: int | None = None
    output_tokens: int | None = None
    simulated: Literal["no", "partly", "yes"] | None = None


Shown = TypeVar("Shown", bound=RunSummary)


def with_usage(run: Shown, used: Mapping[UUID, UsageRow]) -> Shown:
    """The run with what its calls came to."""
    row = used.get(run.id, UsageRow())
    run.input_tokens, run.output_tokens, run.simulated = row.tokens.all_input, row.tokens.output, row.simulated
    return run


class RunDetail(RunSummary):
    """A run by itself."""

    input: Any
    output: Any
