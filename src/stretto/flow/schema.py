"""The JSON Schema of flow documents, for editors that complete and check while one types.

`flow.schema.json` beside this module is what `flow_schema` gives, written out: `python -m stretto.flow.schema` prints it.
It says what has which form; what refers to what, and what a value can hold, only `load_flow` can check.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from stretto.documents.plain import Json
from stretto.flow.policies import MOST_CHARS, MOST_SAMPLES, ROLES
from stretto.flow.vocabulary import BODY_KEYS, COMMON_KEYS, KINDS, OUTCOMES, RESERVED, SEGMENTS

SCHEMA_ID = "urn:stretto:flow"

_TEMPLATE = {"description": "Plain JSON, or texts with `{{ … }}`; a single `{{ … }}` keeps the value's type."}
_CONDITION = {
    "type": ["string", "boolean"],
    "minLength": 1,
    "description": "A condition in CEL, such as `review.approved && size(notes) > 2`. Null or a missing field counts as false.",
}
_DURATION = {
    "type": "string",
    "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)\s*$",
    "description": "A number and a unit: `250ms`, `10s`, `5m`, `2h`, `1d`.",
}
_MONEY = {
    "type": "string",
    "pattern": r"^\s*(\$\s*[0-9]+(\.[0-9]+)?|[0-9]+(\.[0-9]+)?\s*([uU][sS][dD]|\$))\s*$",
    "description": "An amount in US dollars: `0.50 usd` or `$0.50`.",
}
_EVENT = {
    "type": "string",
    "pattern": "^[A-Za-z][A-Za-z0-9_.:/-]{0,199}$",
    "description": "The event's name, such as `order.paid`.",
}
_STEP_ID = "^[a-z][a-z0-9_]{0,62}$"
_FLOW_NAME = "^[a-z][a-z0-9-]{0,62}$"
_POLICY_NAME = "^[a-z][a-z0-9_-]{0,62}$"


def _text(description: str, **more: Json) -> dict[str, Json]:
    return {"type": "string", "minLength": 1, "description": description, **more}


def _texts(description: str) -> dict[str, Json]:
    one: dict[str, Json] = {"type": "string", "minLength": 1}
    return {"anyOf": [one, {"type": "array", "items": one}], "description": description}


def _whole(least: int, most: int, description: str) -> dict[str, Json]:
    return {"type": "integer", "minimum": least, "maximum": most, "description": description}


def _number(least: float, most: float, description: str) -> dict[str, Json]:
    return {"type": "number", "minimum": least, "maximum": most, "description": description}


def _record(properties: Mapping[str, Json], required: tuple[str, ...] = (), **more: Json) -> dict[str, Json]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def _ref(name: str, description: str = "") -> dict[str, Json]:
    return {"$ref": f"#/$defs/{name}", **({"description": description} if description else {})}


def flow_schema() -> dict[str, Json]:
    """The JSON Schema (Draft 2020-12) of a flow document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Stretto flow",
        "description": "A graph of steps that agents, tools and people carry out.",
        **_record(
            _keys(),
            ("flow", "steps"),
            patternProperties={"^x-": {"description": "Anything; for anchors that are used elsewhere."}},
        ),
        "$defs": {
            "agent": _agent(),
            "policy": _policy(),
            "steps": _steps(),
            "step": _step(),
            "case": _case(),
            "each": _each(),
            "watch": _watch(),
            "reaction": _reaction(),
            "retry": _retry(),
            "type": _type(),
            "json_schema": {
                "type": ["object", "boolean"],
                "allOf": [{"$ref": "https://json-schema.org/draft/2020-12/schema"}],
                "description": "A JSON Schema, such as `{type: string, maxLength: 4000}`.",
            },
        },
    }


def _keys() -> dict[str, Json]:
    """What a document may have."""
    return {
        "flow": _text("The flow's name.", pattern=_FLOW_NAME),
        "description": {"type": ["string", "null"], "description": "What the flow does, in a sentence or two."},
        "input": {
            "type": ["object", "null"],
            "description": "What a run is given: name to JSON Schema. An input without `default` must be given.",
            "propertyNames": {"pattern": _STEP_ID},
            "additionalProperties": _ref("json_schema"),
        },
        "types": {
            "type": ["object", "null"],
            "description": "What agents and tools return: name to JSON Schema, or to the short form `{field: type}`.",
            "propertyNames": {
                "pattern": "^[A-Z][A-Za-z0-9]{0,62}$",
                "not": {"enum": ["Verdict", "Judgement", "Plan"]},
            },
            "additionalProperties": _ref("type"),
        },
        "agents": {
            "type": ["object", "null"],
            "description": "Who works: name to prompt and model.",
            "propertyNames": {"pattern": "^[a-z][a-z0-9_-]{0,62}$"},
            "additionalProperties": {
                "if": {"type": "string"},
                "then": _text(
                    "A file with the agent: its keys between two lines `---`, then its prompt.", pattern=r"\.md$"
                ),
                "else": _ref("agent"),
            },
        },
        "policies": {
            "type": ["object", "null"],
            "description": "What judges measure against: name to policy, or to a file with one.",
            "propertyNames": {"pattern": _POLICY_NAME},
            "additionalProperties": {
                "if": {"type": "string"},
                "then": _text("A file with the policy, below the flow's folder."),
                "else": _ref("policy"),
            },
        },
        "steps": _ref("steps"),
        "output": {**_TEMPLATE, "description": "What the run gives; without it, the last step's value."},
        "remember": {
            "type": ["string", "null"],
            "description": "What a run is about, of its input: its completed runs are kept in memory, and found when something like it is to be "
            "done, such as `{{ input.task }}`.",
        },
        "retry": _ref("retry", "For steps that do not say otherwise."),
        "timeout": {
            **_DURATION,
            "description": "For agent, tool and judge steps that do not say otherwise, such as `5m`.",
        },
        "priority": _whole(0, 3, "0 is most urgent, 3 can wait. 2 when not given."),
        "budget": {**_MONEY, "description": "What a whole run may cost, such as `2 usd`."},
        "concurrency": _whole(1, 10_000, "How many steps of a run work at once."),
        "flows": {
            "type": ["object", "null"],
            "description": "The flows that this one runs, by name, when they are not files beside it.",
            "propertyNames": {"pattern": _FLOW_NAME},
            "additionalProperties": {"$ref": "#"},
        },
    }


def _agent() -> dict[str, Json]:
    return _record(
        {
            "model": _text("The model route: `fast`, `strong`, `code` or one of your own."),
            "prompt": _text("A file below the flow's folder, or the text itself on several lines (after `|`)."),
            "system": _text("The system prompt: a file or text, like `prompt`."),
            "returns": _text("The type of its answer. Without it, the answer is text."),
            "temperature": _number(0, 2, "How freely the model chooses its words."),
            "max_tokens": _whole(1, 10_000_000, "The longest answer, in tokens."),
            "tools": {
                "type": "array",
                "items": _text("A tool's name, or a pattern: `python.test`, `files.*`.", maxLength=200),
                "uniqueItems": True,
                "description": "What it may call.",
            },
            "limits": _record(
                {
                    "turns": _whole(1, 1000, "How often the model answers in one step; 20 when not given."),
                    "tokens": _whole(1, 1_000_000_000, "What it reads and writes in all turns together."),
                    "cost": {**_MONEY, "description": "What its turns may cost together, such as `0.40 usd`."},
                    "time": {**_DURATION, "description": "How long it may work, such as `5m`."},
                },
                description="How far it may go in one step.",
            ),
            "memory": _record(
                {"window": _whole(1000, 100_000_000, "So many characters of the results of tools stay in full.")},
                description="What it sees again of what its tools gave; without it, everything.",
            ),
        },
        ("model", "prompt"),
    )


def _steps() -> dict[str, Json]:
    return {
        "description": "Ids to steps. An id is unique in the whole flow.",
        "if": {"type": "array"},
        "then": {"type": "array", "minItems": 1, "items": {"allOf": [_ref("step"), {"required": ["id"]}]}},
        "else": {
            "type": "object",
            "minProperties": 1,
            "propertyNames": {"pattern": _STEP_ID, "not": {"enum": sorted(RESERVED)}},
            "additionalProperties": _ref("step"),
        },
    }


def _step() -> dict[str, Json]:
    return {
        **_record({**_kinds(), **_common()}),
        "description": "One step. Exactly one key says what it does.",
        "oneOf": [{"required": [kind]} for kind in KINDS],
        "dependentSchemas": {kind: _keys_of(kind) for kind in KINDS} | {"on": {"required": ["watch"]}},
        "not": {"required": ["each", "watch"]},
    }


def _kinds() -> dict[str, Json]:
    """What a step does."""
    return {
        "agent": _text("The agent that works."),
        "tool": _text("The tool that is called, such as `python.test`."),
        "judge": _judge(),
        "review": _review(),
        "map": _map(),
        "flow": _text("The flow that runs inside this one.", pattern=_FLOW_NAME),
        "branch": {
            "type": "array",
            "minItems": 1,
            "items": _ref("case"),
            "description": "The first case that holds runs.",
        },
        "loop": _record(
            {
                "until": {**_CONDITION, "description": "Ends the loop when it holds after a turn."},
                "max": _whole(1, 1000, "The most turns."),
            },
            ("until", "max"),
            description="The steps again and again.",
        ),
        "wait": _wait(),
        "emit": _record(
            {"event": _EVENT, "key": {**_TEMPLATE, "description": "Whom it concerns."}},
            ("event",),
            description="An event is sent; `input` is its data.",
        ),
    }


def _common() -> dict[str, Json]:
    """What any step may have."""
    return {
        "id": _text("The step's id, where steps are a list.", pattern=_STEP_ID),
        "input": {
            "type": ["object", "null"],
            "description": "What the step is given: name to template.",
            "propertyNames": {"pattern": _STEP_ID},
        },
        "after": {
            "type": ["array", "string"],
            "items": _text("A step."),
            "description": "Steps that must be done before.",
        },
        "when": {**_CONDITION, "description": "The step is skipped when this does not hold."},
        "each": _ref("each"),
        "watch": _ref("watch"),
        "on": {
            "type": ["object", "null"],
            "description": "What the outcome of a watching step does to the step it watches.",
            "properties": {outcome: _ref("reaction") for outcome in OUTCOMES},
            "additionalProperties": False,
        },
        "retry": _ref("retry"),
        "timeout": {**_DURATION, "description": "The longest that one attempt may take, such as `90s`."},
        "optional": {
            "type": "boolean",
            "description": "When it fails for good, its value is null and the run goes on.",
        },
        "budget": {**_MONEY, "description": "What the step may cost, such as `0.50 usd`."},
        "priority": _whole(0, 3, "0 is most urgent, 3 can wait."),
        "model": _text("A model route in place of the agent's."),
        "returns": _text("The type of its value."),
        "steps": _ref("steps", "What a loop or map does each time."),
        "output": {**_TEMPLATE, "description": "What each turn or item gives; without it, its last step's value."},
    }


def _keys_of(kind: str) -> dict[str, Json]:
    """What else a step of this kind may and must have."""
    without: set[str] = set() if kind in ("map", "loop") else set(BODY_KEYS)
    if kind not in ("agent", "tool", "judge", "flow", "emit"):
        without.add("input")
    if kind not in ("agent", "judge"):
        without.add("model")
    if kind not in ("agent", "tool"):
        without.add("returns")
    if kind in ("map", "branch", "loop", "wait"):
        without |= {"each", "watch"}
    keys: dict[str, Json] = {"properties": {key: False for key in (*COMMON_KEYS, *BODY_KEYS) if key in without}}
    return {**keys, "required": ["steps"]} if kind in ("map", "loop") else keys


def _judge() -> dict[str, Json]:
    return _record(
        {
            "agent": _text("The agent that scores; it returns `Judgement`."),
            "approve": _number(0, 1, "From this confidence on it is approved; else the policy's, else 0.9."),
            "reject": _number(0, 1, "Below this confidence it is rejected; else the policy's, else 0.7."),
            "policy": _text("The policy that it measures against, of `policies`."),
            "content_type": _text("What kind of content it is, such as `post`.", pattern=_POLICY_NAME),
            "content": _text("The input that is judged; all of it when not given."),
        },
        ("agent",),
        description="An agent scores; between `reject` and `approve` it is escalated.",
    )


def _policy() -> dict[str, Json]:
    thresholds: dict[str, Json] = {
        "approve": _number(0, 1, "From this confidence on it is approved. 0.9 when not given."),
        "reject": _number(0, 1, "Below this confidence it is rejected. 0.7 when not given."),
    }
    topics: dict[str, Json] = {
        "keywords": _texts("Words or groups of words that tell of it, in any form."),
        "examples": _texts("Sentences of it; what means something like it counts too."),
        "threshold": _number(0, 1, "From which likeness (cosine) to an example a sentence counts."),
    }
    return _record(
        {
            "criteria": _texts("What the content must be to be approved."),
            "persona": _text("The voice that it must keep to: a file such as `SOUL.md`, or the text on several lines."),
            "rules": _texts("What it must never do."),
            "topics": {
                "description": "Topics that always go to a person. Without it: politics, health, finance and legal.",
                "if": {"type": "array"},
                "then": {"type": "array", "items": _text("A topic that is known already.", pattern=_POLICY_NAME)},
                "else": {
                    "type": ["object", "null"],
                    "propertyNames": {"pattern": _POLICY_NAME},
                    "additionalProperties": {**_record(topics), "type": ["object", "null"]},
                },
            },
            "first_time": {
                "enum": ["review", "pass"],
                "description": "Whether a person sees the first of each content type.",
            },
            "checks": _record(
                {
                    "schema": _ref("json_schema", "What the content must fit."),
                    "min_chars": _whole(0, MOST_CHARS, "The fewest characters."),
                    "max_chars": _whole(0, MOST_CHARS, "The most characters."),
                    "must_match": _texts("Regular expressions that must all be found in it."),
                    "must_not_match": _texts("Regular expressions none of which may be found in it."),
                },
                description="What is checked before any model is asked; what fails is rejected.",
            ),
            "confidence": {
                "description": "How confidence is measured: what the model states, how its samples agree, or log-probabilities.",
                "anyOf": [
                    {"enum": ["stated", "samples", "logprobs"]},
                    _record({"samples": _whole(2, MOST_SAMPLES, "How many answers are compared.")}),
                ],
            },
            **thresholds,
            "by_content_type": {
                "type": ["object", "null"],
                "description": "Other thresholds for single content types.",
                "propertyNames": {"pattern": _POLICY_NAME},
                "additionalProperties": {**_record(thresholds), "type": ["object", "null"]},
            },
            "money": _record(
                {
                    "limit": {**_MONEY, "description": "More than this is for a person, such as `50 usd`."},
                    "amount": {**_TEMPLATE, "description": "How much it is, from what the judge is given."},
                    "judge": _text("An agent that looks at every amount, too; it returns `Judgement`."),
                },
                ("limit", "amount"),
                description="Content that moves money.",
            ),
            "sample": _number(0, 1, "The share of passes that a person sees all the same, such as 0.02."),
            "review": _record(review_rules(), description="What holds for reviews under this policy."),
        }
    )


def review_rules() -> dict[str, Json]:
    """The rules of a review, in a policy or a step."""
    return {
        "mandatory": {"type": "boolean", "description": "A person must decide; no deadline ever does."},
        "deadline": {**_DURATION, "description": "How long a person has, such as `24h`."},
        "on_deadline": {"enum": ["approve", "reject"], "description": "What happens when nobody has decided by then."},
        "escalate_after": {**_DURATION, "description": "After which time somebody else is told, such as `4h`."},
        "escalate_to": {"enum": list(ROLES), "description": "Who is told then. `admin` when not given."},
        "four_eyes": {"type": "boolean", "description": "Two people must approve."},
        "bulk_from": _number(0, 1, "From this confidence on it may be decided together with others."),
    }


def _review() -> dict[str, Json]:
    name = {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,99}$"}
    rules = review_rules()
    keys: dict[str, Json] = {
        "show": {**_TEMPLATE, "description": "What the person sees."},
        "question": _text("What the person is asked."),
        "because": {**_TEMPLATE, "description": "Why a person is asked: a judge's output."},
        "content_type": {**name, "description": "What kind of content it is, such as `post`."},
        "policy": {
            **name,
            "description": "The policy that it was judged by; its rules hold unless the step says others.",
        },
        "media": {**_TEMPLATE, "description": "Addresses of pictures or videos to show."},
        **rules,
        "deadline": {
            "anyOf": [{"const": "never"}, _DURATION],
            "description": "When time decides, if nobody has: `24h` when not given, `never` for never.",
        },
        "assignee": _text("Who is to decide, such as `ada@acme.example`."),
    }
    return _record(keys, ("show", "question"), description="A person decides.")


def _map() -> dict[str, Json]:
    return _record(
        {
            "over": {**_TEMPLATE, "description": "The list it goes through."},
            "tasks": {**_TEMPLATE, "description": "A planner's tasks, each with `id` and perhaps `needs`."},
            "reason": {**_TEMPLATE, "description": "Why the tasks are what they are; for the journal."},
            "concurrency": _whole(1, 10_000, "How many at once. 8 when not given."),
            "max": _whole(1, 100_000, "How many at most. 1000 when not given."),
            "as": _text("What an item is called in the steps. `item` when not given.", pattern=_STEP_ID),
        },
        oneOf=[{"required": ["over"]}, {"required": ["tasks"]}],
        description="The steps once for each item of a list, or each task of a plan.",
    )


def _wait() -> dict[str, Json]:
    return _record(
        {
            "for": _DURATION,
            "until": {**_TEMPLATE, "description": "A time such as `2030-01-31T09:00:00Z`."},
            "event": _EVENT,
            "key": {**_TEMPLATE, "description": "Whom the event concerns."},
            "timeout": {**_DURATION, "description": "Ends the wait for an event."},
        },
        oneOf=[{"required": [way]} for way in ("for", "until", "event")],
        dependentRequired={"key": ["event"], "timeout": ["event"]},
        description="Waits for a length of time, a time, or an event.",
    )


def _case() -> dict[str, Json]:
    return _record(
        {
            "when": {
                **_CONDITION,
                "description": "The case runs when this holds; without it, always. Only the last may lack it.",
            },
            "steps": _ref("steps"),
            "output": {**_TEMPLATE, "description": "What the case gives; without it, its last step's value."},
        },
        ("steps",),
    )


def _cut(counted: tuple[str, ...], description: str, words: tuple[str, ...]) -> dict[str, Json]:
    count = {name: _whole(1, 1_000_000, "How many.") for name in counted}
    return {
        "description": description,
        "anyOf": [{"enum": list(words)}, {**_record(count), "minProperties": 1, "maxProperties": 1}],
    }


def _each() -> dict[str, Json]:
    words = tuple(kind for kind in SEGMENTS if kind != "tokens")
    return _record(
        {
            "of": _text("The step whose text, or items, it reads."),
            "by": _cut(("tokens",), "How the text is cut. Not given when the other step gives items.", words),
            "concurrency": _whole(1, 1000, "How many segments at once. 4 when not given."),
        },
        ("of",),
        description="Runs for every segment of another step, while that is being written.",
    )


def _watch() -> dict[str, Json]:
    words = tuple(kind for kind in SEGMENTS if kind not in ("tokens", "item"))
    counted = ("tokens", *(f"{kind}s" for kind in words))
    return _record(
        {"of": _text("The step that is watched."), "every": _cut(counted, "How often to look.", words)},
        ("of", "every"),
        description="Looks at what another step has written so far, every so often.",
    )


def _reaction() -> dict[str, Json]:
    return _record(
        {
            "stop": _text("Cuts the watched step off; its text so far is its value."),
            "steer": _text("Cuts the watched step off and lets it go on with feedback."),
            "feedback": {
                **_TEMPLATE,
                "description": "What the steered step is told; without it, the verdict's comments.",
            },
        },
        oneOf=[{"required": ["stop"]}, {"required": ["steer"]}],
        dependentRequired={"feedback": ["steer"]},
    )


def _retry() -> dict[str, Json]:
    fields = _record(
        {
            "attempts": _whole(1, 100, "How often it is tried. 3 when not given."),
            "backoff": {**_DURATION, "description": "The pause before the second attempt. `1s` when not given."},
            "factor": _number(1, 100, "By what each pause is longer than the one before. 2 when not given."),
            "max_backoff": {**_DURATION, "description": "The longest pause. `60s` when not given."},
            "jitter": _number(0, 1, "Which part of the pause is left to chance. 0.5 when not given."),
        }
    )
    return {
        "description": "How often an attempt that failed is made again: a number of attempts, or all of it.",
        "if": {"type": "integer"},
        "then": _whole(1, 100, "How often it is tried."),
        "else": {**fields, "type": ["object", "null"]},
    }


def _type() -> dict[str, Json]:
    return {
        "description": "A JSON Schema, or `{field: type}`; `field?` may be missing, `[type]` is a list, names are other types.",
        "anyOf": [
            {"type": "object"},
            {"type": "string"},
            {"type": "array", "minItems": 1, "maxItems": 1},
        ],
    }


def schema_text() -> str:
    """The schema as `flow.schema.json` holds it."""
    return json.dumps(flow_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
