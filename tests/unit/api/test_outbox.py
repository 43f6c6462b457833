from __future__ import annotations

import asyncio
import gc
import weakref

from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from stretto.api.openai.answering import DoorSink, send_stream
from stretto.api.openai.outbox import PIECE_CHARS, Outbox, Whole
from stretto.api.openai.voice import Voice
from stretto.gateway.provider import Completion, ToolCallPiece
from stretto.gateway.served import openai

PARTS = st.one_of(
    st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=5),
    st.builds(ToolCallPiece, index=st.integers(0, 3), arguments=st.text(max_size=10)),
)


def flat(parts: list[str | ToolCallPiece]) -> list[str | ToolCallPiece]:
    """Parts with neighbouring texts joined."""
    found: list[str | ToolCallPiece] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return found


@given(st.lists(st.tuples(PARTS, st.booleans()), max_size=30))
async def test_what_goes_in_comes_out_in_order_however_often_it_is_taken(
    steps: list[tuple[list[str] | ToolCallPiece, bool]],
):
    outbox = Outbox(lambda: None)
    went_in: list[str | ToolCallPiece] = []
    came_out: list[str | ToolCallPiece] = []
    for part, take in steps:
        if isinstance(part, ToolCallPiece):
            outbox.tool_call(part)
            went_in.append(part)
        else:
            outbox.write(part)
            went_in += part
        if take:
            came_out += outbox.next_parts()
    came_out += outbox.next_parts()
    assert flat(came_out) == flat(went_in)
    assert not outbox.has_more


async def test_too_much_for_a_client_that_does_not_read_overflows_once_and_takes_no_more():
    calls: list[int] = []
    outbox = Outbox(lambda: calls.append(1), most_chars=100)
    for _ in range(1000):
        outbox.write(["0123456789"])
    outbox.tool_call(ToolCallPiece(0, "x" * 1000))
    assert calls == [1]
    assert outbox.is_over
    assert len("".join(str(part) for part in outbox.next_parts())) <= 110


async def test_a_slow_client_gets_long_pieces_but_not_all_at_once():
    outbox = Outbox(lambda: None)
    for _ in range(20_000):
        outbox.write(["12345"])
    pieces: list[str] = []
    while parts := outbox.next_parts():
        pieces += [str(part) for part in parts]
    assert "".join(pieces) == "12345" * 20_000
    assert max(map(len, pieces)) <= PIECE_CHARS + 5
    assert len(pieces) <= 5


async def test_only_what_was_not_taken_can_be_taken_back():
    outbox = Outbox(lambda: None)
    outbox.write(["wrong"])
    assert outbox.retract("another answers") is True
    outbox.write(["right"])
    assert outbox.next_parts() == ["right"]
    assert outbox.retract("another answers") is False


async def test_a_source_that_can_wait_does_and_never_overflows():
    outbox = Outbox(lambda: None, most_chars=1000)
    written: list[str] = []

    async def write() -> None:
        for n in range(200):
            outbox.write([f"{n:050}"])
            written.append(f"{n:050}")
            await outbox.drain()

    writing = asyncio.create_task(write())
    read = ""
    while not writing.done() or outbox.has_more:
        read += "".join(str(part) for part in outbox.next_parts())
        await asyncio.sleep(0)
    assert read == "".join(written)
    assert not outbox.is_over


async def test_an_answer_in_one_piece_is_bounded_too_and_can_always_be_taken_back():
    calls: list[int] = []
    whole = Whole(lambda: calls.append(1), most_chars=20)
    whole.write(["wrong"])
    assert whole.retract("another answers") is True
    whole.write(["right"])
    assert whole.text == "right"
    whole.tool_call(ToolCallPiece(0, "x"))
    whole.write(["more"])
    assert calls == [1]
    assert (whole.is_over, whole.text) == (True, "right")


async def stream_once() -> weakref.ref[object]:
    """Stream an answer; the reference is to what only the stream holds afterwards."""
    sent: list[Message] = []

    async def work(sink: DoorSink) -> Completion:
        sink.write(["Hello"])
        return Completion(model="m", provider="p")

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody comes")

    async def send(message: Message) -> None:
        sent.append(message)

    voice = Voice("openai", "m", lambda name: openai.Speech(name, "a", include_usage=False))
    await send_stream(work, voice, receive, send, {})
    assert b"Hello" in b"".join(message.get("body", b"") for message in sent)
    return weakref.ref(send)


async def test_a_stream_that_has_ended_is_let_go_without_the_collector():
    gc.disable()
    try:
        assert (await stream_once())() is None
    finally:
        gc.enable()
