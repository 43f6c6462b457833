"""The JSON Schema of `stretto.yaml`, for editors that complete and check while one types.

`gateway/stretto.schema.json` is what `config_schema` gives, written out: `python -m stretto.gateway.reading.schema` prints it.
It says what has which form; what refers to what only `read_config` can check.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence

from stretto.documents.plain import Json
from stretto.gateway.presets import PRESETS
from stretto.gateway.reading.words import (
    CLIENT_AUTHS,
    DIALECTS,
    EFFECTS,
    GRANTS,
    LIMIT_KEYS,
    MAX_TOKENS_FIELDS,
    PREFERENCES,
    PRICE_KEYS,
    RUNGS,
    SCHEMA_MODES,
    TIMEOUT_KEYS,
)

SCHEMA_ID = "urn:stretto:gateway"
Record = dict[str, Json]

_DURATION: Record = {
    "type": "string",
    "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*(ms|s|m|h|d)\s*$",
    "description": "A number and a unit: `250ms`, `10s`, `5m`, `2h`, `1d`.",
}
_MONEY: Record = {
    "type": "string",
    "pattern": r"^\s*(\$\s*[0-9]+(\.[0-9]+)?|[0-9]+(\.[0-9]+)?\s*([uU][sS][dD]|\$))\s*$",
    "description": "An amount in US dollars: `20 usd` or `$20`.",
}
_KEY: Record = {
    "type": ["string", "null"],
    "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]{0,127}|sealed:[A-Za-z0-9][A-Za-z0-9._-]{0,63})$",
    "description": "Where the key is: `env:NAME` or `sealed:NAME`. Never the key itself.",
}
_NAMES: Record = {"pattern": "^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}$"}


def _record(properties: Mapping[str, Json], required: Sequence[str] = (), **more: Json) -> Record:
    return {
        "type": ["object", "null"] if not required else "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
        **more,
    }


def _named(each: Json, description: str) -> Record:
    return {
        "type": ["object", "null"],
        "propertyNames": _NAMES,
        "additionalProperties": each,
        "description": description,
    }


def _choice(words: Sequence[str], description: str = "") -> Record:
    return {"enum": list(words), **({"description": description} if description else {})}


def _ref(name: str) -> Record:
    return {"$ref": f"#/$defs/{name}"}


def _number(least: float, most: float, description: str) -> Record:
    return {"type": ["number", "null"], "minimum": least, "maximum": most, "description": description}


def _above_zero(description: str) -> Record:
    return {"type": ["number", "null"], "exclusiveMinimum": 0, "description": description}


def _whole(least: int, description: str) -> Record:
    return {"type": ["integer", "null"], "minimum": least, "description": description}


def _flag(description: str) -> Record:
    return {"type": "boolean", "description": description}


def _text(description: str) -> Record:
    return {"type": "string", "minLength": 1, "description": description}


def config_schema() -> Record:
    """The JSON Schema (Draft 2020-12) of a configuration."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "Stretto configuration",
        "description": "Which models answer which routes, what they may use, and what they cost.",
        **_record(_top(), ("routes",)),
        "patternProperties": {"^x-": {"description": "Anything; for anchors that are used elsewhere."}},
        "$defs": {
            "provider": _provider(),
            "deployment": {
                "anyOf": [{"type": "string", "pattern": "^[^/]+/.+$"}, _deployment()],
                "description": "A model at a provider: `openai/gpt-4o-mini`, or all that is to be said of it.",
            },
            "price": _record(
                {key: {"type": "number", "minimum": 0} for key in PRICE_KEYS},
                ("input", "output"),
                description="US dollars per million tokens.",
            ),
            "deployments": _deployments(),
            "route": {"anyOf": [_ref("deployments"), _route()]},
            "bucket": _bucket(),
            "server": _server(),
        },
    }


def _top() -> Record:
    return {
        "providers": _named(_ref("provider"), "Accounts with providers, and servers of one's own."),
        "deployments": _named(_ref("deployment"), "Models at providers."),
        "mcp": {
            "type": ["object", "null"],
            "propertyNames": {"pattern": "^[a-z][a-z0-9_-]{0,63}$"},
            "maxProperties": 100,
            "additionalProperties": _ref("server"),
            "description": "Servers whose tools steps and agents may call, as `NAME.TOOL`.",
        },
        "routes": {**_named(_ref("route"), "The model names that flows use."), "type": "object", "minProperties": 1},
        "buckets": _named(_ref("bucket"), "Who goes first when little is left."),
        "budgets": _record(
            {
                "month": {**_MONEY, "description": "What each tenant may spend in a calendar month (UTC)."},
                "spending": {
                    **_MONEY,
                    "description": "What each tenant's tools may spend in a calendar month on other things than models.",
                },
                "tenants": {"type": ["object", "null"], "additionalProperties": _MONEY},
            },
        ),
        "breaker": _record(
            {
                "failures": _whole(1, "So many failures in a row open it."),
                "error_rate": _number(0.01, 1, "So does a greater share of failures among the last `window` calls."),
                "window": _whole(2, "So many calls are looked at."),
                "open": {**_DURATION, "description": "So long a deployment is left alone at first."},
                "max_open": {**_DURATION, "description": "So long at most."},
            },
        ),
        "prices": _named(_ref("price"), "Prices by model, in place of those that ship with Stretto."),
        "wait": {**_DURATION, "description": "The longest that a call waits its turn. `30s` when not given."},
        "default_route": _text("Answers for a name that is no route and no deployment."),
    }


def _provider() -> Record:
    return _record(
        {
            "preset": _choice(tuple(PRESETS), "A provider that is known."),
            "dialect": _choice(DIALECTS, "How it is spoken to; instead of a preset."),
            "url": {"type": "string", "pattern": "^https?://[^@?#]+$", "description": "Up to `/chat/completions`."},
            "key": _KEY,
            "headers": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
            "timeouts": _record(dict.fromkeys(TIMEOUT_KEYS, _DURATION)),
            "max_tokens_field": _choice(MAX_TOKENS_FIELDS),
            "schema_mode": _choice(SCHEMA_MODES, "How a structured answer is asked for."),
            "stream_usage": _flag("Whether `stream_options` is understood."),
        },
    )


def _deployment() -> Record:
    limits = {key: _above_zero("Over all processes together.") for key in LIMIT_KEYS}
    limits["concurrency"] = _whole(1, "Calls at once, over all processes together.")
    return _record(
        {
            "provider": _text("A provider's name, or a preset's."),
            "model": _text("The model's name there."),
            "limits": _record(limits),
            "context": _whole(1, "Tokens of input and output together."),
            "output": _whole(1, "Tokens that an answer may have."),
            "tools": _flag("Whether it can call tools."),
            "vision": _flag("Whether it can see images."),
            "logprobs": _flag("Whether it gives log-probabilities."),
            "price": {"anyOf": [_ref("price"), {"type": "null"}]},
        },
        ("provider", "model"),
    )


def _deployments() -> Record:
    weighted = _record(
        {"name": _text("A deployment, or `provider/model`."), "weight": {"type": "number", "exclusiveMinimum": 0}},
        ("name",),
    )
    return {
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "string", "minLength": 1}, weighted]}},
        ],
    }


def _route() -> Record:
    tier = _record(
        {
            "up_to": {"type": "number", "exclusiveMinimum": 0, "maximum": 1, "description": "Complexity, 0 to 1."},
            "deployments": _ref("deployments"),
        },
        ("deployments",),
    )
    semantic = _record(
        {
            "similarity": {"type": "number", "minimum": 0.5, "maximum": 1},
            "for": {**_DURATION, "description": "So long it is kept."},
        },
        ("similarity",),
    )
    cache = _record(
        {
            "exact": {**_DURATION, "description": "So long answers to equal requests are kept."},
            "semantic": {"anyOf": [semantic, {"type": "null"}]},
            "any_temperature": _flag("Also where a request asks for variety."),
        },
    )
    percentile = {"type": "string", "pattern": r"^[pP][5-9][0-9](\.[0-9]+)?$"}
    return {
        **_record(
            {
                "deployments": _ref("deployments"),
                "tiers": {"type": "array", "minItems": 1, "items": {"anyOf": [_ref("deployments"), tier]}},
                "prefer": _choice(PREFERENCES, "The order of a tier's deployments."),
                "local": _flag("Whether classical methods of this process may answer."),
                "cache": {"anyOf": [_DURATION, cache]},
                "hedge": {
                    "anyOf": [
                        {"type": ["boolean", "null"]},
                        percentile,
                        _record({"after": percentile, "least": _DURATION}),
                    ],
                    "description": "When a second deployment is asked beside a slow one.",
                },
                "bucket": {"type": ["string", "null"], "description": "Each call takes one token of it."},
                "when_short": {
                    "type": ["array", "null"],
                    "items": _choice(RUNGS),
                    "minItems": 1,
                    "uniqueItems": True,
                    "description": "What is tried in turn when something is short.",
                },
            },
        ),
        "type": "object",
        "oneOf": [{"required": ["deployments"]}, {"required": ["tiers"]}],
    }


def _bucket() -> Record:
    return _record(
        {
            "capacity": _above_zero("Tokens when it is full. 30 when not given."),
            "refill_per_minute": _above_zero("Tokens that come back. 2.5 when not given."),
            "reserve": _number(0, 1e9, "Tokens that only P0 may take. 5 when not given."),
            "skip_below": _number(0, 1, "Share of the capacity below which P3 is skipped. 0.2 when not given."),
            "defer": {**_DURATION, "description": "So long P2 is put off. `30m` when not given."},
        },
    )


def _server() -> Record:
    tool = {"type": "string", "pattern": "^[A-Za-z0-9_.*/-]{1,128}$"}
    word: Record = {"type": ["string", "number"]}
    variables: Record = {"pattern": "^[A-Za-z_][A-Za-z0-9_]{0,127}$"}
    return {
        **_record(
            {
                "command": {
                    "type": "array",
                    "items": word,
                    "minItems": 1,
                    "description": "The program that is the server, and its words. No shell reads them.",
                },
                "env": {
                    "type": ["object", "null"],
                    "propertyNames": variables,
                    "additionalProperties": word,
                    "description": "Environment variables of the program.",
                },
                "cwd": {"type": ["string", "null"], "description": "The folder that the program works in."},
                "url": _text("Where the server is: `https://tools.example.com/mcp`."),
                "headers": {
                    "type": ["object", "null"],
                    "additionalProperties": {"type": "string"},
                    "description": "Headers of each request. `${NAME}` stands for a secret.",
                },
                "secrets": {
                    "type": ["object", "null"],
                    "propertyNames": variables,
                    "additionalProperties": {
                        "type": "string",
                        "pattern": "^(env:[A-Za-z_][A-Za-z0-9_]{0,127}|(sealed|tenant|secret):[A-Za-z0-9][A-Za-z0-9._-]{0,63})$",
                        "description": "Where it is: `env:NAME`, `sealed:NAME`, `tenant:NAME` (the tenant's own) or `secret:NAME` (the "
                        "tenant's own, else the sealed one). Never the secret itself.",
                    },
                    "description": "What the server is given under which name.",
                },
                "allow": {
                    "anyOf": [{"type": ["array", "null"], "items": tool}, tool],
                    "description": "The tools that may be called, by the server's own names; `*` stands for any part. All, when not given.",
                },
                "effects": {
                    "type": ["object", "null"],
                    "propertyNames": {"pattern": tool["pattern"]},
                    "additionalProperties": {
                        "anyOf": [
                            _choice(EFFECTS),
                            {
                                "type": "object",
                                "properties": {
                                    "spends": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_-]{0,127}$"}
                                },
                                "required": ["spends"],
                                "additionalProperties": False,
                            },
                        ]
                    },
                    "description": "What calls change; `{spends: total}` names the argument that says how much, `amount_usd` when not "
                    "given. What the server says, when not given.",
                },
                "timeout": {**_DURATION, "description": "For one call. `60s` when not given."},
                "per_tenant": _flag("Whether each tenant has a process or session of its own. `true` when not given."),
                "sampling": {
                    "type": ["string", "null"],
                    "description": "The route that answers when the server asks for a model.",
                },
                "oauth": {
                    **_record(
                        {
                            "grant": _choice(GRANTS, "As a machine, or as a person who has logged in."),
                            "client_id": _text("As whom we are known there; without it, we register ourselves."),
                            "client_secret": _text("The name under `secrets` of what proves it."),
                            "client_auth": _choice(
                                CLIENT_AUTHS, "How it is proved. `client_secret_basic` when not given."
                            ),
                            "issuer": _text("The server that gives tokens; credentials go to no other."),
                            "scope": _text("What is asked for; when not given, what the server of tools says."),
                            "redirect": _text(
                                "Where `stretto tools login` waits. `http://127.0.0.1:8704/callback` when not given."
                            ),
                        },
                        ("grant",),
                    ),
                    "description": "How to log in at a server with `url`.",
                },
                "elicitation": {
                    "anyOf": [_DURATION, {"const": "never"}],
                    "description": "So long a call waits for a person whom the server asks; `never`: nobody is asked. `10m` when not given.",
                },
            },
        ),
        "type": "object",
        "oneOf": [{"required": ["command"]}, {"required": ["url"]}],
    }


def schema_text() -> str:
    """The schema as `stretto.schema.json` holds it."""
    return json.dumps(config_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
