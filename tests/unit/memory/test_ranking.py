"""Lists become one, and a condition means the same to all who read it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import Invalid
from stretto.memory import Candidate, Place, Ranking
from stretto.memory.conditions import labels_of, read_condition
from stretto.memory.ranking import fuse
from stretto.memory.rerank import LexicalReranker

LISTS = st.dictionaries(
    st.sampled_from(["vector", "text", "place"]), st.lists(st.integers(0, 30), unique=True, max_size=20), min_size=1
)


def test_the_fusion_is_the_weighted_sum_of_reciprocal_ranks() -> None:
    fused = fuse({"vector": [1, 2], "text": [2, 3]}, Ranking())
    most = 0.8 / 61
    assert fused == pytest.approx({2: (0.5 / 62 + 0.3 / 61) / most, 1: 0.5 / 61 / most, 3: 0.3 / 62 / most})
    assert list(fused) == [2, 1, 3]


@given(LISTS)
def test_what_is_ahead_in_every_list_is_ahead(lists: dict[str, list[int]]) -> None:
    fused = fuse(lists, Ranking())
    assert set(fused) == {item for ids in lists.values() for item in ids}
    assert all(0 < score <= 1 + 1e-9 for score in fused.values())
    items = list(fused)
    for at, ahead in enumerate(items):
        for behind in items[at + 1 :]:
            better = [
                behind in ids and (ahead not in ids or ids.index(behind) < ids.index(ahead)) for ids in lists.values()
            ]
            worse = [
                ahead in ids and (behind not in ids or ids.index(ahead) < ids.index(behind)) for ids in lists.values()
            ]
            assert not any(better) or any(worse)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"fused": 1.5}, {"weights": {"text": -1.0}}, {"weights": {}}, {"pool": 0}])
def test_a_ranking_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(Invalid):
        Ranking(**wrong)  # pyright: ignore[reportArgumentType]


async def test_the_lexical_reranker_prefers_the_words_close_together() -> None:
    scores = await LexicalReranker().rerank(
        "battery life",
        [
            Candidate("Battery life is long.", 0.5, 2.0),
            Candidate("The battery of my life's first phone and of others.", 0.5, 2.0),
            Candidate("Pasta.", 0.1, None),
        ],
    )
    assert scores[0] >= scores[1] > scores[2]
    assert all(0 <= score <= 1 for score in scores)


def test_a_condition_is_labels_and_a_path() -> None:
    condition = read_condition({"product": 'x" || true', "stars": {"gte": 4, "lt": 5}, "a.b": 1})
    assert condition is not None
    assert condition.labels == ['\x01product="x\\" || true"']
    assert condition.jsonpath == (
        '($."product" == "x\\" || true") && ($."stars" >= 4) && ($."stars" < 5) && ($."a"."b" == 1)'
    )
    assert condition.labels[0] in labels_of({"product": 'x" || true', "long": "x" * 1000})
    assert labels_of({"n": 4.0}) == labels_of({"n": 4})
    assert read_condition({}) is None


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(91.0, 0.0), (0.0, 181.0), (float("nan"), 0.0), (0.0, float("inf"))]
)
def test_a_place_is_on_the_earth(latitude: float, longitude: float) -> None:
    with pytest.raises(Invalid):
        Place(latitude, longitude)
