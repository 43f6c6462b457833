"""`GET /v1/models`: the names that a request may ask for."""

from __future__ import annotations

import orjson
from starlette.requests import Request
from starlette.types import Send

from stretto.api.openai.answering import send_json
from stretto.api.openai.flows import PREFIX
from stretto.api.openai.gate import Door, Json, platform_of
from stretto.auth import Principal
from stretto.engine.store import RunStore
from stretto.errors import RouteNotFound
from stretto.platform import Platform

CREATED = 1_735_689_600
"""A date that clients expect of each model and that ours do not have: 2025-01-01, in Unix seconds."""


class ModelList(Door):
    """All names: routes, deployments, and flows of the tenant as `flow:NAME`."""

    async def answer(self, request: Request, principal: Principal, send: Send) -> None:
        """List them."""
        found = await names(platform_of(request), principal)
        if "anthropic-version" in request.headers:
            data = [for_anthropic(name) for name in found]
            ends = (
                {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
            )
            await send_json(200, orjson.dumps({"data": data, "has_more": False, **ends}), send, {})
            return
        data = [for_openai(name, kind) for name, kind in found.items()]
        await send_json(200, orjson.dumps({"object": "list", "data": data}), send, {})


class OneModel(Door):
    """One name."""

    async def answer(self, request: Request, principal: Principal, send: Send) -> None:
        """Show it."""
        name = str(request.path_params["model"])
        found = await names(platform_of(request), principal)
        if name not in found:
            raise RouteNotFound(f"There is no model {name!r}. `GET /v1/models` lists what there is.")
        shown = for_anthropic(name) if "anthropic-version" in request.headers else for_openai(name, found[name])
        await send_json(200, orjson.dumps(shown), send, {})


async def names(platform: Platform, principal: Principal) -> dict[str, str]:
    """Every name, and what it is: a route, a deployment or a flow. A route hides the deployment of its name."""
    config = platform.gateway.config
    found = dict.fromkeys(config.routes, "route")
    for name in config.deployments:
        found.setdefault(name, "deployment")
    flows = await RunStore(platform.database).flow_names(principal.tenant_id)
    return found | {f"{PREFIX}{name}": "flow" for name in flows}


def for_openai(name: str, kind: str) -> Json:
    """A model as OpenAI's clients read it."""
    return {"id": name, "object": "model", "created": CREATED, "owned_by": f"stretto-{kind}"}


def for_anthropic(name: str) -> Json:
    """A model as Anthropic's clients read it."""
    return {"type": "model", "id": name, "display_name": name, "created_at": "2025-01-01T00:00:00Z"}
