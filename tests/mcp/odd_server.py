"""A server of tools that does wrong whatever it is told to, by hand: the SDK would not let it.

Usage: python odd_server.py NOTES [MODE]   (what happens to it is written into NOTES, a line each)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

NOTES, MODE = Path(sys.argv[1]), (sys.argv[2:] or [""])[0]
NOTHING: dict[str, Any] = {"type": "object", "properties": {}}
PAGE = 4
waiting: dict[Any, Any] = {}
grown: list[dict[str, Any]] = []


def tool(name: str, *, schema: dict[str, Any] = NOTHING, reads: bool = True, **more: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": schema, "annotations": {"readOnlyHint": reads}, **more}


KEYED = {
    "type": "object",
    "properties": {"text": {"type": "string"}, "idempotency_key": {"type": "string"}},
    "required": ["text", "idempotency_key"],
    "additionalProperties": False,
}
SIZED = {"type": "object", "properties": {"bytes": {"type": "integer", "minimum": 0}}, "required": ["bytes"]}
TOOLS = [
    tool("slow"), tool("die"), tool("die_writing", reads=False), tool("garbage"), tool("bad_result"),
    tool("breaks_schema", outputSchema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}),
    tool("big", schema=SIZED), tool("keys", schema=KEYED, reads=False), tool("meta", reads=False), tool("grow"), tool("pid"),
    tool("leak"), tool("fails"), tool("unknown_arguments"), tool("ask_model"), tool("ask_person"), tool("steps"), tool("child"),
    tool("bad schema", schema=NOTHING), tool("far_schema", schema={"type": "object", "$ref": "http://127.0.0.1:9/x"}),
]  # fmt: skip


def main() -> None:
    if MODE == "stubborn":
        import signal  # noqa: PLC0415

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if MODE == "dead":
        sys.stderr.write(f"no way without {os.environ.get('TOKEN', 'a token')}\n")
        sys.exit(7)
    if MODE == "babble":
        while True:
            write("this is no message")
    for line in sys.stdin:
        hear(json.loads(line))
    note("input closed")
    while MODE == "stubborn":
        time.sleep(1)


def note(line: str) -> None:
    with NOTES.open("a") as file:
        file.write(line + "\n")


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def send(message: dict[str, Any]) -> None:
    write(json.dumps({"jsonrpc": "2.0", **message}))


def answer(number: Any, **result: Any) -> None:
    send({"result": result, "id": number})  # the id at the end, as JavaScript's servers send it


def say(number: Any, text: str) -> None:
    answer(number, content=[{"type": "text", "text": text}])


def hear(message: dict[str, Any]) -> None:
    method, number = message.get("method"), message.get("id")
    params = message.get("params") or {}
    match method:
        case "initialize":
            note(f"start {os.getpid()}")
            version = params["protocolVersion"]
            answer(
                number,
                protocolVersion=version,
                capabilities={"tools": {"listChanged": True}},
                serverInfo={"name": "odd", "version": "1"},
            )
        case "tools/list":
            tools, begin = [*TOOLS, *grown], int(params.get("cursor") or 0)
            note(f"list {begin}")
            more = {"nextCursor": str(begin + PAGE)} if begin + PAGE < len(tools) else {}
            answer(number, tools=tools[begin : begin + PAGE], **more)
        case "tools/call":
            call(params["name"], number, params)
        case "notifications/cancelled":
            note(f"cancelled {waiting.pop(params['requestId'], '?')}")
        case None:
            reply(number, message)
        case _ if number is not None:
            send({"id": number, "error": {"code": -32601, "message": "no such method"}})
        case _:
            pass


def reply(number: Any, message: dict[str, Any]) -> None:
    """The answer to what this server asked."""
    say(waiting.pop(number), json.dumps(message.get("result") or message.get("error")))


def call(name: str, number: Any, params: dict[str, Any]) -> None:  # noqa: PLR0912
    arguments = params.get("arguments") or {}
    note(f"call {name}")
    match name:
        case "slow":
            waiting[number] = "slow"
        case "die" | "die_writing":
            sys.stderr.write("I cannot go on\n")
            sys.stderr.flush()
            os._exit(3)
        case "garbage":
            for _ in range(20):
                write("{this is: no message")
            write(json.dumps({"jsonrpc": "2.0", "id": 99999, "result": {}}))
            write("[1, 2]")
            say(number, "after all")
        case "bad_result":
            answer(number, content=5)
        case "breaks_schema":
            answer(number, content=[], structuredContent={"n": "seven"})
        case "big":
            say(number, "x" * arguments["bytes"])
        case "keys" | "meta":
            say(
                number,
                json.dumps({"arguments": arguments, "key": params.get("_meta", {}).get("stretto/idempotency_key")}),
            )
        case "grow":
            grown.append(tool("grown"))
            send({"method": "notifications/tools/list_changed"})
            say(number, "grown")
        case "pid":
            say(number, str(os.getpid()))
        case "leak":
            token = os.environ.get("TOKEN", "")
            sys.stderr.write(f"the token is {token}\n")
            sys.stderr.flush()
            answer(number, content=[], structuredContent={"token": token, token: [f"Bearer {token}!"]})
        case "fails":
            answer(
                number, isError=True, content=[{"type": "text", "text": f"no luck with {os.environ.get('TOKEN', '')}"}]
            )
        case "unknown_arguments":
            send({"id": number, "error": {"code": -32602, "message": "what is that?"}})
        case "ask_model":
            waiting["ask"] = number
            turn = {"role": "user", "content": {"type": "text", "text": "Two and two?"}}
            send({"id": "ask", "method": "sampling/createMessage", "params": {"messages": [turn], "maxTokens": 50}})
        case "ask_person":
            waiting["ask"] = number
            form = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
            send(
                {
                    "id": "ask",
                    "method": "elicitation/create",
                    "params": {"message": "Who are you?", "requestedSchema": form},
                }
            )
        case "steps":
            for step in (1, 2, 3):
                token = params["_meta"]["progressToken"]
                told = {"progressToken": token, "progress": step, "total": 3, "message": f"step {step}"}
                send({"method": "notifications/progress", "params": told})
            say(number, "done")
        case "child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            say(number, str(child.pid))
        case _:
            send({"id": number, "error": {"code": -32602, "message": f"no tool {name}"}})


if __name__ == "__main__":
    main()
