"""Examples of runs, their steps and facts, and of schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stretto.api.examples import story
from stretto.api.examples.several import Several
from stretto.api.paging import cursor_at

_INPUT = {"topic": "tides"}
_SUMMARY: dict[str, Any] = {
    "id": story.RUN_ID,
    "flow_name": story.FLOW,
    "flow_version": 2,
    "status": "completed",
    "priority": 2,
    "error": None,
    "parent_id": None,
    "cost_usd": story.COST_USD,
    "accepted_at": story.ACCEPTED_AT,
    "updated_at": story.FINISHED_AT,
    "finished_at": story.FINISHED_AT,
    "input_tokens": 270,
    "output_tokens": 132,
    "simulated": "no",
}
_ACCEPTED: dict[str, Any] = {
    **_SUMMARY,
    "status": "accepted",
    "cost_usd": "0",
    "updated_at": story.ACCEPTED_AT,
    "finished_at": None,
    "input_tokens": None,
    "output_tokens": None,
    "simulated": None,
    "input": _INPUT,
    "output": None,
}
_FORKED_AT = "2026-11-21T10:33:38.760000Z"
_FORKED = _ACCEPTED | {
    "id": story.FORK_ID,
    "parent_id": story.RUN_ID,
    "accepted_at": _FORKED_AT,
    "updated_at": _FORKED_AT,
    "input": {"topic": "the tides of Fundy"},
}
_WAITING = _ACCEPTED | {"status": "waiting", "cost_usd": story.COST_USD, "updated_at": story.WAITING_AT}
_RUNNING = _ACCEPTED | {"status": "running", "updated_at": "2026-11-21T10:25:38.769100Z"}
_FAILED: dict[str, Any] = {
    **_SUMMARY,
    "id": story.SCHEDULED_ID,
    "flow_version": 1,
    "status": "failed",
    "error": {
        "step": "draft",
        "error": "The model provider cannot be reached. Check the network and the provider's `url`; the call is tried again.",
    },
    "cost_usd": "0",
    "input_tokens": 0,
    "output_tokens": 0,
    "accepted_at": "2026-11-20T07:00:00.480000Z",
    "updated_at": "2026-11-20T07:01:17.201866Z",
    "finished_at": "2026-11-20T07:01:17.201866Z",
}

_DRAFT_USAGE = {
    "model": "claude-opus-5-5",
    "provider": "anthropic",
    "cost_usd": "0.00208",
    "input_tokens": 40,
    "output_tokens": 96,
}
_NOTE_USAGE = {
    "model": "claude-haiku-5-5",
    "provider": "anthropic",
    "cost_usd": "0.000022",
    "input_tokens": 120,
    "output_tokens": 20,
}
_OTHER_NOTE_USAGE = _NOTE_USAGE | {"cost_usd": "0.000019", "input_tokens": 110, "output_tokens": 16}


def _fact(seq: int, name: str, step: str | None, at: str, **data: Any) -> dict[str, Any]:
    return {"seq": seq, "name": name, "step": step, "data": data, "at": f"2026-11-21T10:{at}Z"}


def _step(path: str, kind: str, started: str, ended: str | None, **usage: Any) -> dict[str, Any]:
    return {
        "path": path,
        "kind": kind,
        "status": "completed" if ended else "waiting",
        "attempts": 1,
        "error": None,
        "started_at": f"2026-11-21T10:{started}Z",
        "ended_at": ended and f"2026-11-21T10:{ended}Z",
        "usage": usage,
    }


_STEP: dict[str, Any] = {
    **_step("draft", "agent", "25:38.769207", "25:41.472580", **_DRAFT_USAGE),
    "seq": 41,
    "agent": "writer",
    "tool": None,
    "flow": None,
    "note": "",
    "input": {"topic": "tides"},
    "prompt": [{"role": "user", "content": "Write two short paragraphs on tides.", "calls": [], "call": None}],
    "output": None,
    "is_text": True,
    "calls": [
        {
            "at": "2026-11-21T10:25:41.472310Z",
            "attempt": 1,
            "route": "strong",
            "outcome": "admitted",
            "reason": "",
            "deployment": "anthropic/claude-opus-5-5",
            "provider": "anthropic",
            "model": "claude-opus-5-5",
            "tokens": {"input_tokens": 40, "output_tokens": 96},
            "simulated": False,
            "cost_usd": "0.00208",
            "cached": "",
            "waited_s": 0.0,
            "error": "",
        }
    ],
    "tools": [],
    "failures": [],
    "feedback": [],
    "cut": [],
}

_RUNS: Mapping[str, Any] = {
    "WantedTask": {"task": "Write a note on the moon and the sea.", "flow": story.FLOW, "within_s": 604800, "limit": 3},
    "EpisodeList": {
        "episodes": [{"run": _SUMMARY, "task": "tides", "score": 0.94, "similarity": 0.71}],
        "notes": [],
    },
    "NewRun": Several(
        of_a_stored_flow=("Of a flow that is stored.", {"flow": story.FLOW, "input": _INPUT}),
        of_a_document=(
            "Of a document, which is stored.",
            {
                "flow": {
                    "flow": "headline",
                    "input": {"news": {"type": "string"}},
                    "agents": {"writer": {"model": "fast", "prompt": "A headline for this: {{ news }}"}},
                    "steps": {"headline": {"agent": "writer", "input": {"news": "{{ input.news }}"}}},
                },
                "input": {"news": "The ferry goes again."},
                "priority": 1,
            },
        ),
    ),
    "RunDetail": {**_SUMMARY, "input": _INPUT, "output": story.TEXT},
    "start_run 201": _ACCEPTED,
    "RunList": {"runs": [_SUMMARY, _FAILED], "next": cursor_at(story.SCHEDULED_ID)},
    "FactList": {
        "facts": [
            _fact(1, "RunAccepted", None, "25:38.756000", flow=story.FLOW, version=2, input=_INPUT, priority=2),
            _fact(2, "RunClaimed", None, "25:38.769100", worker="news-1/16760"),
            _fact(3, "StepStarted", "draft", "25:38.769207", attempt=1),
            _fact(4, "StepStarted", "notes", "25:38.769253", attempt=1),
            _fact(12, "SegmentCut", "notes", "25:40.472677", n=0, start=0, end=67),
        ],
        "next": cursor_at(12),
    },
    "StepList": {
        "steps": [
            _step("draft", "agent", "25:38.769207", "25:41.472580", **_DRAFT_USAGE),
            _step("notes", "agent", "25:38.769253", "25:43.891790"),
            _step("approval", "review", "25:43.891943", None),
            _step("notes[0]", "agent", "25:40.472799", "25:42.118426", **_NOTE_USAGE),
            _step("notes[1]", "agent", "25:41.472701", "25:43.891680", **_OTHER_NOTE_USAGE),
        ],
        "next": None,
        "seq": 41,
    },
    "StepDetail": _STEP,
    "NewFork": {"step": "draft", "input": {"topic": "the tides of Fundy"}},
    "fork_run 201": _FORKED,
    "control_run body": Several(
        pause=("No new step starts.", {"command": "pause"}),
        resume=("Go on.", {"command": "resume"}),
        cancel=("End the run.", {"command": "cancel", "reason": "The story is old news."}),
        retry=("Try a step again.", {"command": "retry", "step": "draft"}),
        inject=(
            "Cut a step off, and let it go on with feedback.",
            {"command": "inject", "step": "draft", "text": "Shorter, and with a number.", "mode": "now"},
        ),
        priority=("Before all others.", {"command": "priority", "priority": 0}),
    ),
    "control_run 202": _RUNNING,
}
_SCHEDULE = {
    "name": "weekday-draft",
    "flow_name": story.FLOW,
    "cron": "0 8 * * 1-5",
    "timezone": "Europe/Vienna",
    "input": _INPUT,
    "priority": 2,
    "next_at": "2026-11-23T07:00:00Z",
    "paused": False,
    "revision": 1,
}
_TIMES = {"next_times": [f"2026-11-{day}T07:00:00Z" for day in range(23, 28)]}
_SCHEDULES: Mapping[str, Any] = {
    "NewSchedule": {
        "flow": story.FLOW,
        "cron": "0 8 * * 1-5",
        "timezone": "Europe/Vienna",
        "input": _INPUT,
    },
    "ScheduleDetail": {**_SCHEDULE, **_TIMES},
    "pause_schedule 200": {**_SCHEDULE, "paused": True, "revision": 2, **_TIMES},
    "resume_schedule 200": {**_SCHEDULE, "revision": 3, **_TIMES},
    "ScheduleList": {"schedules": [_SCHEDULE], "next": None},
}

_THRESHOLD = {"flow": story.FLOW, "policy": "publish", "content_type": "video", "approve": 0.95, "reject": None}
_JUDGES: Mapping[str, Any] = {
    "NewThreshold": {"flow": story.FLOW, "policy": "publish", "content_type": "video", "approve": 0.95},
    "ThresholdShown": {**_THRESHOLD, "updated_at": "2026-11-20T09:00:00Z"},
    "ThresholdList": {"thresholds": [{**_THRESHOLD, "updated_at": "2026-11-20T09:00:00Z"}], "next": None},
    "CalibrationShown": {
        "decisions": 400,
        "approved": 260,
        "calibrated": True,
        "error": 0.21,
        "error_after": 0.03,
        "bins": [
            {"low": 0.7, "high": 0.8, "count": 150, "stated": 0.76, "approved": 0.48},
            {"low": 0.9, "high": 1.0, "count": 250, "stated": 0.94, "approved": 0.752},
        ],
    },
}

EXAMPLES: Mapping[str, Any] = {**_RUNS, **_SCHEDULES, **_JUDGES}
"""By the name of the schema, or by operation and place."""
