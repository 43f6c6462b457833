"""Examples of usage, estimates, limits and quotas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several

_NONE = {"failed": 0, "cancelled": 0, "not_made": 0, "cached": 0, "estimated": 0, "simulated_calls": 0}


def _usage(keys: dict[str, str], calls: int, cost_usd: str, **tokens: int) -> dict[str, Any]:
    classes = {"input": 0, "cached_input": 0, "cache_write": 0, "output": 0, "reasoning": 0}
    return {
        "keys": keys,
        "calls": calls,
        **_NONE,
        "simulated": "no",
        "tokens": classes | tokens,
        "cost_usd": cost_usd,
    }


_FLEET: dict[str, Any] = {
    "workers": [
        {
            "id": 7,
            "last_heartbeat": "2026-11-21T10:25:40.120394Z",
            "alive": True,
            "runs": 1,
            "host": "desk-3",
            "pid": 41207,
            "version": "0.1.0",
            "started_at": "2026-11-21T08:02:11.904417Z",
        }
    ],
    "queue": [{"priority": 2, "depth": 3, "oldest_at": "2026-11-21T10:25:39.480000Z"}],
    "runs": {"running": 1, "accepted": 3, "completed": 12},
    "agents": [
        {"agent": "editor", "at_work": 2, "waiting": 0, "done": 31, "failed": 0},
        {"agent": "writer", "at_work": 1, "waiting": 0, "done": 12, "failed": 1},
    ],
    "complete": True,
}


def _deployment(name: str, route: str, state: str, error: str, *usd: str) -> dict[str, Any]:
    provider, _, model = name.partition("/")
    return {
        "name": name,
        "kind": "provider",
        "provider": provider,
        "model": model,
        "routes": [route],
        "simulated": False,
        "context_tokens": 200000,
        "output_tokens": 64000,
        "tools": True,
        "vision": True,
        "price": dict(zip(("input_usd", "cached_input_usd", "output_usd"), usd, strict=True)),
        "state": state,
        "last_error": error,
    }


_DEPLOYMENTS: dict[str, Any] = {
    "answers": "answers: fast: anthropic/claude-haiku-5-5; strong: anthropic/claude-opus-5-5 (stretto.yaml)",
    "kind": "provider",
    "deployments": [
        _deployment("anthropic/claude-haiku-5-5", "fast", "closed", "", "0.1", "0.01", "0.5"),
        _deployment("anthropic/claude-opus-5-5", "strong", "closed", "", "4", "0.4", "20"),
    ],
    "routes": [
        {"name": "fast", "tiers": [["anthropic/claude-haiku-5-5"]]},
        {"name": "strong", "tiers": [["anthropic/claude-opus-5-5"]]},
    ],
}

EXAMPLES: Mapping[str, Any] = {
    "DeploymentList": _DEPLOYMENTS,
    "Tried": Several(
        well=(
            "It answers.",
            {"ok": True, "took_s": 0.8123, "ttft_s": 0.4101, "text": "Hello there, friend!", "error": None},
        ),
        badly=(
            "Its key is refused.",
            {
                "ok": False,
                "took_s": 0.2012,
                "ttft_s": None,
                "text": "",
                "error": "The provider refused the key. Check ANTHROPIC_API_KEY.",
            },
        ),
    ),
    "FleetShown": _FLEET,
    "UsageList": Several(
        by_model=(
            "By day and model.",
            {
                "rows": [
                    _usage({"day": "2026-11-21", "model": "claude-opus-5-5"}, 1, "0.00208", input=40, output=96),
                    _usage({"day": "2026-11-21", "model": "claude-haiku-5-5"}, 2, "0.000041", input=230, output=36),
                ],
                "total": _usage({}, 3, story.COST_USD, input=270, output=132),
            },
        ),
        by_tenant=(
            "With `by=tenant`, as a member of two tenants sees it.",
            {
                "rows": [
                    _usage({"tenant": "globex"}, 41, "0.31406", input=20_118, output=9_204),
                    _usage({"tenant": "acme"}, 3, story.COST_USD, input=270, output=132),
                ],
                "total": _usage({}, 44, "0.316181", input=20_388, output=9_336),
            },
        ),
    ),
    "EstimateItem": {
        "flow": story.FLOW,
        "runs": 12,
        "versions": [2, 1],
        "enough": True,
        "simulated": False,
        "cost_usd": {"p50": "0.002121", "p90": "0.00344", "mean": "0.00231"},
        "input_tokens": {"p50": "270", "p90": "342", "mean": "281.5"},
        "output_tokens": {"p50": "132", "p90": "198", "mean": "139.25"},
        "calls": {"p50": "3", "p90": "4", "mean": "3.25"},
        "how": "From the latest 12 completed runs of versions 2, 1; forks are not counted.",
    },
    "LimitsShown": {
        "limits": [
            {
                "kind": "requests",
                "name": "anthropic/claude-opus-5-5",
                "capacity": 50,
                "level": 41.5,
                "refill_per_minute": 50,
                "closed_s": 0,
                "processes": 2,
                "leased": 3,
                "waiting": 0,
                "longest_wait_s": 0,
            }
        ],
        "budgets": [
            {
                "kind": "month",
                "name": "2026-11",
                "limit_usd": "100",
                "spent_usd": "12.480721",
                "reserved_usd": "0.5",
                "presumed_usd": "0",
                "left_usd": "87.019279",
                "processes": 2,
            }
        ],
        "deployments": [
            {
                "deployment": "anthropic/claude-opus-5-5",
                "state": "closed",
                "rests_s": 0,
                "error_rate": 0.01,
                "ttft_s": 0.62,
                "ttft_p95_s": 1.4,
                "calls": 312,
                "failures": 3,
                "last_error": "",
            }
        ],
        "caches": [{"route": "fast", "asked": 840, "exact": 96, "semantic": 30, "rate": 0.15}],
        "spending": {"limit_usd": "50", "spent_usd": "12.5", "held_usd": "0"},
    },
    "QuotasShown": {
        "requests": [
            {"name": "tenant-60", "of": "tenant", "most": 6000, "window_s": 60, "left": 5988, "wait_s": 0},
            {"name": "key-60", "of": "key", "most": 600, "window_s": 60, "left": 594, "wait_s": 0},
        ],
        "runs": [
            {"kind": "runs_per_day", "most": 500, "used": 17},
            {"kind": "unfinished_runs", "most": 50, "used": 2},
        ],
    },
}
"""By the name of the schema, or by operation and place."""
