"""What the examples share: who, which flow, which run, and when."""

from __future__ import annotations

from typing import Any

TENANT_ID = "01a19b45-cb88-7b3e-9a41-6f0d2c8e5b17"
OWNER = "user ada@acme.example"
KEY_PREFIX = "18b43b60633c"
BY_KEY = f"key {KEY_PREFIX}"

REVIEW_ID = "01a1fda9-2d4c-7f1e-9a3b-5c0d7e2f4a68"
FLOW = "draft-and-review"
RUN_ID = "01a1fda3-e3c4-7792-b326-861f8d4a064f"
FORK_ID = "01a1fdab-36c8-7d0c-8f2a-91c5e07b3d64"
SCHEDULED_ID = "01a1f7c1-4360-7c1d-a3b8-4e6f9d2c7a05"
EVENT_ID = "01a1fda9-04f4-7ce9-b214-ee15bb7ba7e0"
WEBHOOK_ID = "01a1f802-4b77-7208-97db-29b4b6a9d8f1"

SAVED_AT = "2026-11-19T16:40:11.723633Z"
CHANGED_AT = "2026-11-21T09:58:38.729582Z"
ACCEPTED_AT = "2026-11-21T10:25:38.756000Z"
WAITING_AT = "2026-11-21T10:25:43.891970Z"
DECIDED_AT = "2026-11-21T10:31:14.915922Z"
FINISHED_AT = "2026-11-21T10:31:14.932027Z"

TEXT = (
    "Twice a day the sea comes and goes, because the moon pulls at it.\n\n"
    "Where a bay is narrow, the water piles up: in Fundy by sixteen metres."
)
QUESTION = "Shall this be published?"

FIRST_VERSION: dict[str, Any] = {
    "flow": FLOW,
    "description": "A writer drafts, an editor reads each paragraph meanwhile, a person decides.",
    "input": {"topic": {"type": "string", "maxLength": 200}},
    "agents": {
        "writer": {"model": "strong", "prompt": "Write two short paragraphs on {{ topic }}."},
        "editor": {"model": "fast", "prompt": "Is this clear? {{ segment }}", "returns": "Verdict"},
    },
    "steps": [
        {"id": "draft", "agent": "writer", "input": {"topic": "{{ input.topic }}"}},
        {"id": "notes", "agent": "editor", "each": {"of": "draft", "by": "paragraph"}},
        {"id": "approval", "review": {"show": "{{ draft }}", "question": QUESTION}, "after": ["notes"]},
    ],
    "output": "{{ approval.value }}",
}
"""The flow at first."""

DOCUMENT: dict[str, Any] = FIRST_VERSION | {"budget": "0.50 usd"}
"""The flow as it is now."""

FIRST_DIGEST = "21339f7e8ddd1216955a76959c4b5c3d79d781beb2250e00fd1af758afe0e871"
DIGEST = "a7b733c576a8d8a48a37972aa0c2a2b8bc74df769c8e97cd8e634360a4573984"


def event(type_: str, subject: str, id_: str, time: str, **data: Any) -> dict[str, Any]:
    """An event of the tenant, as CloudEvents 1.0 has it."""
    return {
        "specversion": "1.0",
        "id": id_,
        "source": f"/v1/tenants/{TENANT_ID}",
        "type": type_,
        "subject": subject,
        "time": time,
        "datacontenttype": "application/json",
        "dataschema": f"/v1/events/schemas/{type_}",
        "tenantid": TENANT_ID,
        "data": data,
    }


COST_USD = "0.002121"
COMPLETED = event(
    "stretto.run.completed", f"runs/{RUN_ID}", EVENT_ID, FINISHED_AT, run_id=RUN_ID, flow=FLOW, cost_usd=COST_USD
)
"""The event that the run is over."""
