"""Examples of the tenant, its keys, its members, sessions, and the audit log; and of the server's own health."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several
from stretto.api.paging import cursor_at

_TENANT = {
    "id": story.TENANT_ID,
    "name": "acme",
    "created_at": "2026-11-02T08:00:05.223712Z",
    "revision": 1,
}
_SCOPES = ["flows:read", "runs:read", "runs:start"]

_KEY: dict[str, Any] = {
    "id": "01a19b49-ad4b-7a22-9d23-409a8bcf42d5",
    "prefix": story.KEY_PREFIX,
    "name": "newsroom",
    "role": "operator",
    "scopes": _SCOPES,
    "created_at": "2026-11-02T08:04:19.403142Z",
    "created_by": story.OWNER,
    "last_used_at": None,
    "expires_at": "2027-11-02T00:00:00Z",
    "revoked_at": None,
    "replaced_by": None,
}
_USED = _KEY | {"last_used_at": "2026-11-21T10:25:00Z"}
_SECRET = "0123456789abcdef" * 4
_NEXT_PREFIX = "5e0c7a91d2f4"
_ROTATED_KEY = _KEY | {
    "id": "01a1fdb1-38ab-7b60-8d17-c2f4a90e6b35",
    "prefix": _NEXT_PREFIX,
    "created_at": "2026-11-21T10:40:12.459011Z",
    "expires_at": None,
    "key": f"st_{_NEXT_PREFIX}_{_SECRET}",
}

_MEMBER: dict[str, Any] = {
    "id": "01a1f7fc-f480-729a-9383-f5cb16c30a82",
    "email": "ben@acme.example",
    "role": "reviewer",
    "joined": False,
    "revision": 1,
    "created_by": story.OWNER,
    "created_at": "2026-11-20T08:05:12.448170Z",
}
_ADA: dict[str, Any] = {
    "id": "01a19b45-cb88-7e91-b5d8-3a7c0f4e2196",
    "email": "ada@acme.example",
    "role": "owner",
    "joined": True,
    "revision": 2,
    "created_by": "operator",
    "created_at": "2026-11-02T08:00:05.301448Z",
}

EXAMPLES: Mapping[str, Any] = {
    "NewSecret": {"secret": "tok_4f1c9e07d3a2b8"},
    "SecretList": {"secrets": [{"name": "issues", "updated_at": "2026-11-20T09:00:00Z"}], "next": None},
    "healthz 200": {"status": "alive"},
    "readyz 200": {"status": "ready", "models": {"answered_by": "anthropic, classical, openai", "simulated": False}},
    "TenantShown": _TENANT,
    "TenantChange": {"name": "acme-news"},
    "rename_tenant 200": _TENANT | {"name": "acme-news", "revision": 2},
    "TenantList": {"tenants": [{"name": "acme", "role": "owner"}, {"name": "acme-labs", "role": "viewer"}]},
    "Me": {
        "tenant": _TENANT,
        "by": story.BY_KEY,
        "via": "key",
        "role": "operator",
        "permissions": _SCOPES,
        "apps": ["reviews"],
    },
    "RolesTable": {
        "roles": ["owner", "admin", "operator", "reviewer", "viewer"],
        "permissions": [
            {
                "permission": "runs:read",
                "allows": "see runs, their steps, facts and text",
                "roles": ["owner", "admin", "operator", "reviewer", "viewer"],
            },
            {
                "permission": "runs:start",
                "allows": "start and fork runs",
                "roles": ["owner", "admin", "operator"],
            },
            {
                "permission": "reviews:decide",
                "allows": "decide what waits for a person",
                "roles": ["owner", "admin", "reviewer"],
            },
        ],
    },
    "NewKey": Several(
        of_a_program=(
            "For a program that starts runs and reads them.",
            {"name": "newsroom", "role": "operator", "scopes": _SCOPES, "expires_at": "2027-11-02T00:00:00Z"},
        ),
        of_a_role=("All that a role may do, for as long as nobody revokes it.", {"name": "board", "role": "viewer"}),
    ),
    "KeyMade": _KEY | {"key": f"st_{story.KEY_PREFIX}_{_SECRET}"},
    "KeyShown": _USED,
    "KeyList": {"keys": [_USED], "next": None},
    "Rotation": {"overlap_s": 3600},
    "rotate_key 201": _ROTATED_KEY,
    "NewMember": {"email": "ben@acme.example", "role": "reviewer"},
    "MemberChange": {"role": "admin"},
    "MemberShown": _MEMBER,
    "change_member 200": _MEMBER | {"role": "admin", "joined": True, "revision": 3},
    "MemberList": {"members": [_MEMBER, _ADA], "next": None},
    "SessionShown": {
        "by": story.OWNER,
        "name": "Ada Byron",
        "email": "ada@acme.example",
        "tenant": "acme",
        "csrf_token": "3vXnqJ0kYc4mB7sWzT2eRg9uLdHfAoPi",
        "ends_at": "2026-11-21T22:14:03.118204Z",
    },
    "AuditList": {
        "entries": [
            {
                "id": 1207,
                "at": "2026-11-21T10:31:14.912490Z",
                "actor": story.OWNER,
                "action": "review.decided",
                "target": f"reviews/{story.REVIEW_ID}",
                "outcome": "done",
                "times": 1,
                "request_id": "4f6e8af65635752fb45e5c786d439970",
                "address": "203.0.113.7",
                "detail": {
                    "edited": False,
                    "how": "person",
                    "run_id": story.RUN_ID,
                    "step": "approval",
                    "verdict": "approve",
                },
            },
            {
                "id": 1206,
                "at": "2026-11-21T10:25:38.762148Z",
                "actor": story.BY_KEY,
                "action": "run.started",
                "target": f"runs/{story.RUN_ID}",
                "outcome": "done",
                "times": 1,
                "request_id": "46eba8f686fc4f464c97ea15b4ef1dc7",
                "address": "198.51.100.20",
                "detail": {"flow": story.FLOW, "parent": None, "version": 2},
            },
        ],
        "next": cursor_at(1206),
    },
}
"""By the name of the schema, or by operation and place."""
