"""Examples of what is no JSON: streams of events, a table, lines."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.api.examples import story

_RUN = """\
retry: 1000

id: 3
event: fact
data: {"seq":3,"name":"StepStarted","step":"draft","data":{"attempt":1},"at":"2026-11-21T10:25:38.769207Z"}

id: 4
event: fact
data: {"seq":4,"name":"StepStarted","step":"notes","data":{"attempt":1},"at":"2026-11-21T10:25:38.769253Z"}

id: 5
event: text
data: {"step":"draft","attempt":1,"offset":0,"text":"Twice a day the sea","at":"2026-11-21T10:25:39.641423Z"}

id: 6
event: text
data: {"step":"draft","attempt":1,"offset":19,"text":" comes and goes,","at":"2026-11-21T10:25:39.701451Z"}

: and so on, until

id: 48
event: end
data: {"seq":48,"status":"completed"}

"""

_CHUNK = '"id":"chatcmpl-01a1fda3f6957307948d546bb4af0763","object":"chat.completion.chunk","created":1795256743,"model":"claude-haiku-5-5"'
_CHUNKS = f"""\
data: {{{_CHUNK},"choices":[{{"index":0,"delta":{{"role":"assistant","content":"","refusal":null}},"logprobs":null,"finish_reason":null}}]}}

data: {{{_CHUNK},"choices":[{{"index":0,"delta":{{"content":"Hello!"}},"logprobs":null,"finish_reason":null}}]}}

data: {{{_CHUNK},"choices":[{{"index":0,"delta":{{}},"logprobs":null,"finish_reason":"stop"}}]}}

data: [DONE]

"""

_MESSAGE = """\
event: message_start
data: {"type":"message_start","message":{"id":"msg_01a1fda4044372689bded4ce14c3ff34","type":"message","role":"assistant",\
"model":"claude-haiku-5-5","content":[],"stop_reason":null,"stop_sequence":null,\
"usage":{"input_tokens":0,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello!"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},\
"usage":{"input_tokens":10,"cache_read_input_tokens":0,"cache_creation_input_tokens":0,"output_tokens":5}}

event: message_stop
data: {"type":"message_stop"}

"""

_USAGE = """\
day,model,calls,failed,cancelled,not_made,cached,estimated,simulated_calls,\
input_tokens,cached_input_tokens,cache_write_tokens,output_tokens,reasoning_tokens,cost_usd
2026-11-21,claude-opus-5-5,1,0,0,0,0,0,0,40,0,0,96,0,0.00208
2026-11-21,claude-haiku-5-5,2,0,0,0,0,0,0,230,0,0,36,0,0.000041
"""

_AUDIT = f"""\
{{"id":1207,"at":"2026-11-21T10:31:14.912490Z","actor":"{story.OWNER}","action":"review.decided","target":"reviews/{story.REVIEW_ID}",\
"outcome":"done","times":1,"request_id":"4f6e8af65635752fb45e5c786d439970","address":"203.0.113.7",\
"detail":{{"edited":false,"how":"person","run_id":"{story.RUN_ID}","step":"approval","verdict":"approve"}}}}
{{"id":1206,"at":"2026-11-21T10:25:38.762148Z","actor":"{story.BY_KEY}","action":"run.started","target":"runs/{story.RUN_ID}",\
"outcome":"done","times":1,"request_id":"46eba8f686fc4f464c97ea15b4ef1dc7","address":"198.51.100.20",\
"detail":{{"flow":"{story.FLOW}","parent":null,"version":2}}}}
"""

_METRICS = f"""\
# HELP stretto_runs_ended_total Runs that ended here, by outcome
# TYPE stretto_runs_ended_total counter
stretto_runs_ended_total{{flow="{story.FLOW}",outcome="completed"}} 17.0
# HELP stretto_runs_claimed_total Times that a run was taken up here
# TYPE stretto_runs_claimed_total counter
stretto_runs_claimed_total 41.0
"""

EXAMPLES: Mapping[str, str] = {
    "get_metrics 200 text/plain": _METRICS,
    "stream_run 200 text/event-stream": _RUN,
    "replay_run 200 text/event-stream": _RUN,
    "get_usage 200 text/csv": _USAGE,
    "export_audit 200 application/x-ndjson": _AUDIT,
    "create_chat_completion 200 text/event-stream": _CHUNKS,
    "create_message 200 text/event-stream": _MESSAGE,
}
"""By operation, place and media type."""
