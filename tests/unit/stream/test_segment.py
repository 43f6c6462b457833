"""Segments: what each kind is, and the laws that hold for all of them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stretto.errors import Invalid, NotPossible
from stretto.stream.segment import KINDS, Segment, Segmenter, segmenter

# Text in which boundaries, near-boundaries and their parts are frequent.
PIECES = [
    *[
        "a",
        "b",
        "Word",
        " ",
        "  ",
        "\t",
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        ".",
        "!",
        "?",
        "…",
        "...",
        ". ",
        "! ",
        "。",
        "！」",
    ],
    *["Dr. ", "e.g. ", "etc. ", "J. ", "1. ", "I. ", "3.14", '"', "'", "”", ")", "*", "**", "(", "_"],
    *["`", "``", "```", "````", "~~~", "~", "```py\n", "\n```\n", "    ", "x`y"],
    *["[", "]", "{", "}", ",", ":", '{"', '"}', "\\", '\\"', "1", "-2.5e3", "true", "null", "fals", "[1]", '["x", 2]'],
    *[
        "e\u0301",
        "\u0301",
        "\u200d",
        "👩‍👩‍👧",
        "👍🏽",
        "🇩🇪",
        "你好",
        "한국",
        "\u00a0",
        "\u2028",
        "\u3000",
        "ß",
        "antidisestablish",
    ],
]
texts = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=["Cs"]), max_size=40).map("".join)
kinds = st.sampled_from([(kind, None) for kind in KINDS if kind != "tokens"] + [("tokens", 1), ("tokens", 3)])
limits = st.sampled_from([1_000_000, 17, 5, 1])


def whole(kind: str, text: str, n: int | None = None, limit: int = 1_000_000) -> list[Segment]:
    cutter = segmenter(kind, n, limit=limit)
    return cutter.feed(text) + cutter.finish()


def words(kind: str, text: str, n: int | None = None, limit: int = 1_000_000) -> list[str]:
    return [segment.text for segment in whole(kind, text, n, limit)]


def feed_in_tokens(cutter: Segmenter, text: str, at: list[int]) -> list[Segment]:
    edges = [0, *sorted(index for index in at if index <= len(text)), len(text)]
    return [segment for start, end in pairwise(edges) for segment in cutter.feed(text[start:end])]


@given(texts, kinds, limits, st.lists(st.integers(0, 120)))
@example("a\r\nb\r\n\r\nc", ("paragraph", None), 5, [2, 3, 5, 7])
@example("```\r\n\r\nx\r\n```\r\n", ("code_block", None), 17, [1, 2, 4, 5, 12])
def test_segments_do_not_depend_on_the_tokens(
    text: str, kind: tuple[str, int | None], limit: int, at: list[int]
) -> None:
    cutter = segmenter(*kind, limit=limit)
    assert feed_in_tokens(cutter, text, at) + cutter.finish() == whole(kind[0], text, kind[1], limit)
    by_one = segmenter(*kind, limit=limit)
    assert [s for char in text for s in by_one.feed(char)] + by_one.finish() == whole(kind[0], text, kind[1], limit)


@given(texts, kinds, limits)
def test_segments_are_slices_in_order(text: str, kind: tuple[str, int | None], limit: int) -> None:
    segments = whole(kind[0], text, kind[1], limit)
    end = 0
    for segment in segments:
        assert end <= segment.start < segment.end <= segment.start + limit
        assert segment.text == text[segment.start : segment.end]
        end = segment.end
    if kind[0] == "tokens":
        assert "".join(segment.text for segment in segments) == text
    if kind[0] in ("sentence", "paragraph", "line"):
        covered = {index for segment in segments for index in range(segment.start, segment.end)}
        assert all(char.isspace() for index, char in enumerate(text) if index not in covered)


@given(texts, texts, kinds, limits, st.data())
def test_retraction(old: str, new: str, kind: tuple[str, int | None], limit: int, data: st.DataObject) -> None:
    from_offset = data.draw(st.integers(0, len(old)))
    finished = data.draw(st.booleans())
    kept_text = old[:from_offset]
    cutter = segmenter(*kind, limit=limit)
    given_before = feed_in_tokens(cutter, old, data.draw(st.lists(st.integers(0, 120), max_size=3)))
    if finished:
        given_before += cutter.finish()
    kept = [segment for segment in given_before if segment.end <= from_offset]
    after = cutter.retract(from_offset, lambda start, end: kept_text[start:end])
    after += cutter.feed(new) + cutter.finish()

    text = kept_text + new
    end = kept[-1].end if kept else 0
    for segment in after:
        assert end <= segment.start < segment.end
        assert segment.text == text[segment.start : segment.end]
        end = segment.end
    straight = segmenter(*kind, limit=limit)
    if straight.feed(kept_text) == kept:
        # What was given did not hang on text that is gone: all is as if that had never been.
        assert kept + after == kept + straight.feed(new) + straight.finish()


@given(st.lists(st.tuples(texts, st.integers(0, 200)), min_size=1, max_size=5), kinds)
def test_retractions_in_a_row_depend_on_the_text_alone(
    history: list[tuple[str, int]], kind: tuple[str, int | None]
) -> None:
    def play(by_one: bool) -> list[Segment]:
        cutter, text, segments = segmenter(*kind), "", list[Segment]()
        for more, from_offset in history:
            text += more
            for piece in more if by_one else [more]:
                segments += cutter.feed(piece)
            kept = text = text[:from_offset]
            segments = [segment for segment in segments if segment.end <= from_offset]
            segments += cutter.retract(from_offset, lambda start, end, kept=kept: kept[start:end])
        segments += cutter.finish()
        assert all(before.end <= after.start for before, after in pairwise(segments))
        assert all(segment.text == text[segment.start : segment.end] for segment in segments)
        return segments

    assert play(by_one=True) == play(by_one=False)


@pytest.mark.parametrize("kind", [("tokens", 50) if kind == "tokens" else (kind, None) for kind in KINDS])
def test_only_the_unfinished_segment_is_held(kind: tuple[str, int | None]) -> None:
    cutter = segmenter(*kind, limit=100)
    for unit in ("word ", "\n", "```\nx\n", '[{"a": "', "Yes. ", "x"):
        for _ in range(300):
            cutter.feed(unit)
            assert sum(map(len, cutter._parts)) <= 100


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three? Four… five.", ["One.", "Two!", "Three?", "Four… five."]),
        ("Wait... what? Well... Yes.", ["Wait... what?", "Well...", "Yes."]),
        ('He said "Go." Then "Really?" she asked. "No!" "Yes!"', ['He said "Go."', 'Then "Really?" she asked.', '"No!"', '"Yes!"']),
        ("Dr. Who met Mr. Bean, e.g. in the U.S. today. J. R. Smith etc. Then 3.14 it was.",
         ["Dr. Who met Mr. Bean, e.g. in the U.S. today.", "J. R. Smith etc.", "Then 3.14 it was."]),
        ("So did I. They too.", ["So did I.", "They too."]),
        ("Use apples, pears, etc. and No. 5. No. Never at 9 a.m. on Mondays.",
         ["Use apples, pears, etc. and No. 5.", "No.", "Never at 9 a.m. on Mondays."]),
        ("1. First. 2. Second.\n3. Third.\n  12. Last", ["1. First.", "2. Second.", "3. Third.", "12. Last"]),
        ("A heading\n\nText goes\non here. End", ["A heading", "Text goes\non here.", "End"]),
        ("One\r\n\r\ntwo\r\nthree", ["One", "two\r\nthree"]),
        ("**Bold.** (Aside!) _Next._ End", ["**Bold.**", "(Aside!)", "_Next._", "End"]),
        ("你好。「世界！」再见？是", ["你好。", "「世界！」", "再见？", "是"]),
        ("你好。J. Smith ok", ["你好。", "J. Smith ok"]),
        ("See a.b.c and foo.bar, v1.2.3 or http://x.y/z?q=1!", ["See a.b.c and foo.bar, v1.2.3 or http://x.y/z?q=1!"]),
        ("  \n ", []),
    ],
)  # fmt: skip
def test_sentences(text: str, sentences: list[str]) -> None:
    assert words("sentence", text) == sentences


def test_a_sentence_is_given_at_once() -> None:
    cutter = segmenter("sentence")
    assert cutter.feed("Done.") == []
    assert cutter.feed(" ") == [Segment(0, 5, "Done.")]


@pytest.mark.parametrize(
    ("text", "paragraphs"),
    [
        ("One\ntwo\n\nthree\n \t\n\n  four  \n", ["One\ntwo", "three", "four"]),
        ("a\r\nb\r\n\r\nc\r\rd", ["a\r\nb", "c", "d"]),
        ("Code:\n```py\nx\n\ny\n```\nafter\n\nnext", ["Code:\n```py\nx\n\ny\n```\nafter", "next"]),
        ("~~~\na\n\n```\n\nb\n~~~\n\nc", ["~~~\na\n\n```\n\nb\n~~~", "c"]),
        ("not ```a\n\nfence", ["not ```a", "fence"]),
        (
            "- item\n\n      ```\n      a\n\n      b\n      ```\n\nc",
            ["- item", "```\n      a\n\n      b\n      ```", "c"],
        ),
        ("``` a`b\n\nc", ["``` a`b", "c"]),
    ],
)
def test_paragraphs(text: str, paragraphs: list[str]) -> None:
    assert words("paragraph", text) == paragraphs


def test_lines() -> None:
    assert words("line", "a\n  b \r\n\r\n \nc\rd") == ["a", "  b ", "c", "d"]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Text\n```py\nx = `1`\n\ny\n```\nmore ``` x\n", ["```py\nx = `1`\n\ny\n```"]),
        ("````\n```\n````  \n", ["````\n```\n````"]),
        ("~~~ a`b\nx\n```\n~~~~\n", ["~~~ a`b\nx\n```\n~~~~"]),
        ("```a`b\nx\n```\ny", ["```\ny"]),
        ("``\nx\n``\n", []),
        ("1. do\n\n    ```sh\n    ls\n    ```\n", ["```sh\n    ls\n    ```"]),
        ("```\nx\n    ```\n```\n", ["```\nx\n    ```\n```"]),
        ("```py\nunfinished\n", ["```py\nunfinished"]),
        ("say ```x``` and\n", []),
        ("```", ["```"]),
    ],
)
def test_code_blocks(text: str, blocks: list[str]) -> None:
    assert words("code_block", text) == blocks


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ('[{"a": "]}\\"", "b": [1, {}]}, 12, -3.5e1, true, "s, ]", [1, [2]], null]',
         ['{"a": "]}\\"", "b": [1, {}]}', "12", "-3.5e1", "true", '"s, ]"', "[1, [2]]", "null"]),
        ('As [1] says, - [ ] see [this](x):\n```json\n[\n {"a": 1},\n {"b": 2}\n]\n```\n[3]', ['{"a": 1}', '{"b": 2}']),
        ("[1, 2]", ["1", "2"]),
        ("[true,\nfalse]", ["true", "false"]),
        ('{"a": 1}\n{"b": {"c": "}"}}\n\nSo {x} far. {}', ['{"a": 1}', '{"b": {"c": "}"}}', "{}"]),
        ('["a", "b', ['"a"']),
        ("[12, 3", ["12"]),
        ('[1, two, ..., "three"]', ["1", '"three"']),
        ("no JSON here", []),
        ("[]", []),
    ],
)  # fmt: skip
def test_json_items(text: str, items: list[str]) -> None:
    assert words("json_item", text) == items


def test_json_item_is_given_when_it_closes() -> None:
    cutter = segmenter("json_item")
    assert cutter.feed('[{"a": 1') == []
    assert cutter.feed("}") == [Segment(1, 9, '{"a": 1}')]


def test_tokens() -> None:
    assert words("tokens", "Hello wonderful world, you?", 3) == ["Hello wonderful", " world, you", "?"]
    assert words("tokens", "你好世界 ok", 2) == ["你好", "世界", " ok"]
    assert words("tokens", "e\u0301\u0301 👩‍👩‍👧👍🏽!", 1) == ["e\u0301\u0301", " 👩‍👩‍👧", "👍🏽", "!"]
    assert words("tokens", "abcdef\u200dgh i", 1) == ["abcdef\u200dgh", " i"]
    assert words("tokens", "a \n b", 1) == ["a", " \n b"]


def test_a_segment_without_end_is_cut() -> None:
    assert words("sentence", "x" * 25, limit=10) == ["x" * 10, "x" * 10, "x" * 5]
    assert words("code_block", "```\n" + "y" * 12 + "\n```\nz", limit=10) == ["```\nyyyyyy", "yyyyyy\n```"]
    assert words("json_item", '["' + "z" * 12 + '", 1]', limit=10) == ['"' + "z" * 9, 'zzz"', "1"]


def test_what_cannot_be_cut() -> None:
    with pytest.raises(Invalid, match="no segment kind 'word'"):
        segmenter("word")
    with pytest.raises(Invalid, match="needs a number"):
        segmenter("tokens")
    with pytest.raises(Invalid, match="takes no number"):
        segmenter("line", 3)
    with pytest.raises(Invalid, match="tokens: 0"):
        segmenter("tokens", 0)
    cutter = segmenter("line")
    cutter.finish()
    assert cutter.finish() == []
    with pytest.raises(NotPossible, match="was finished"):
        cutter.feed("x")
