"""The stream of a run: text in memory, segments, live fan-out, and cursors to come back with."""

from stretto.stream.cursor import START, Cursor
from stretto.stream.events import Batch, EndEvent, Event, FactEvent, RetractEvent, TextEvent, to_json_line, to_sse
from stretto.stream.hub import Hub
from stretto.stream.log import LogReader, Row
from stretto.stream.segment import Segment, Segmenter, segmenter
from stretto.stream.text import StepText, TextChunk, cuts_to_tokens

__all__ = [
    "START",
    "Batch",
    "Cursor",
    "EndEvent",
    "Event",
    "FactEvent",
    "Hub",
    "LogReader",
    "RetractEvent",
    "Row",
    "Segment",
    "Segmenter",
    "StepText",
    "TextChunk",
    "TextEvent",
    "cuts_to_tokens",
    "segmenter",
    "to_json_line",
    "to_sse",
]
