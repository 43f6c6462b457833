"""The one table of who may do what. The API checks against it, and the dashboard and docs/access.md are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, get_args

Permission = Literal[
    "flows:read",
    "flows:write",
    "runs:read",
    "runs:start",
    "runs:control",
    "schedules:read",
    "schedules:write",
    "state:read",
    "state:write",
    "memory:read",
    "memory:write",
    "apps:read",
    "apps:write",
    "reviews:read",
    "reviews:decide",
    "policies:read",
    "policies:write",
    "models:call",
    "usage:read",
    "limits:read",
    "fleet:read",
    "events:read",
    "events:write",
    "webhooks:read",
    "webhooks:write",
    "secrets:read",
    "secrets:write",
    "keys:read",
    "keys:write",
    "members:read",
    "members:write",
    "tenant:read",
    "tenant:write",
    "audit:read",
]
Role = Literal["owner", "admin", "operator", "reviewer", "viewer"]

MEANINGS: Mapping[Permission, str] = MappingProxyType(
    {
        "flows:read": "see flows and their versions",
        "flows:write": "store and archive flows",
        "runs:read": "see runs, their steps, facts and text",
        "runs:start": "start and fork runs",
        "runs:control": "pause, resume, cancel, retry, steer runs and set their priority",
        "schedules:read": "see schedules",
        "schedules:write": "make, change and remove schedules",
        "state:read": "see the documents of the shared state and their histories",
        "state:write": "write and remove documents of the shared state",
        "memory:read": "search and ask what is remembered",
        "memory:write": "remember and forget items and collections",
        "apps:read": "see and ask what applications hold",
        "apps:write": "import into applications, and change what they hold",
        "reviews:read": "see what waits for a person",
        "reviews:decide": "decide what waits for a person",
        "policies:read": "see the thresholds of judges, and how far judges can be believed",
        "policies:write": "set thresholds in place of those of flows",
        "models:call": "call models and flows through the doors of OpenAI's and Anthropic's clients",
        "usage:read": "see tokens and costs",
        "limits:read": "see limits, budgets and quotas",
        "fleet:read": "see workers, the queue and what agents do",
        "events:read": "see events, consumer groups and dead letters",
        "events:write": "replay events, send dead letters again or drop them",
        "webhooks:read": "see webhooks and their deliveries",
        "webhooks:write": "make, change, test and remove webhooks",
        "secrets:read": "see the names of secrets that servers of tools are given",
        "secrets:write": "set and remove secrets that servers of tools are given; nobody can read them back",
        "keys:read": "see keys, without their secrets",
        "keys:write": "make, rotate and revoke keys, up to one's own rights",
        "members:read": "see members and their roles",
        "members:write": "add and remove members and change their roles, up to one's own rights",
        "tenant:read": "see the tenant",
        "tenant:write": "rename the tenant",
        "audit:read": "read and export the audit log",
    }
)
"""What each permission allows, for people."""

_VIEWER: frozenset[Permission] = frozenset(
    (
        "flows:read",
        "runs:read",
        "schedules:read",
        "state:read",
        "memory:read",
        "apps:read",
        "reviews:read",
        "policies:read",
        "usage:read",
        "limits:read",
        "fleet:read",
        "events:read",
        "webhooks:read",
        "tenant:read",
    )
)
_REVIEWER = _VIEWER | frozenset[Permission](("reviews:decide",))
_OPERATOR = _VIEWER | frozenset[Permission](
    (
        "flows:write",
        "runs:start",
        "runs:control",
        "schedules:write",
        "state:write",
        "memory:write",
        "apps:write",
        "models:call",
        "events:write",
    )
)
_OWNER: frozenset[Permission] = frozenset(get_args(Permission))
_ADMIN = _OWNER - frozenset[Permission](("tenant:write",))

ROLES: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {"owner": _OWNER, "admin": _ADMIN, "operator": _OPERATOR, "reviewer": _REVIEWER, "viewer": _VIEWER}
)
"""What each role may do. Who runs flows does not decide reviews, so that nobody passes his own work."""


def roles_table() -> str:
    """The table as Markdown, for the documentation."""
    lines = ["| permission | allows | " + " | ".join(ROLES) + " |", "|---|---|" + ":-:|" * len(ROLES)]
    for permission, meaning in MEANINGS.items():
        marks = " | ".join("✓" if permission in allowed else "" for allowed in ROLES.values())
        lines.append(f"| `{permission}` | {meaning} | {marks} |")
    return "\n".join(lines)
