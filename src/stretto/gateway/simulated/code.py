"""Simulated code: blocks of small Python functions, each of which runs alone and all together."""

from __future__ import annotations

import keyword
from random import Random

from stretto.gateway.simulated.prose import begin
from stretto.gateway.simulated.reading import MARK, Reading

# (what it does, the code). NAME becomes an identifier made from a topic, TOPIC the topic itself.
_PIECES = (
    (
        "counts how often each one occurs",
        '''
def count_NAME(entries: list[str]) -> dict[str, int]:
    """Count how often each entry on TOPIC occurs."""
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry] = counts.get(entry, 0) + 1
    return counts


assert count_NAME(["a", "b", "a"]) == {"a": 2, "b": 1}
''',
    ),
    (
        "puts what belongs together side by side",
        '''
def group_NAME(entries: list[tuple[str, int]]) -> dict[str, list[int]]:
    """Gather the values of TOPIC under their keys."""
    groups: dict[str, list[int]] = {}
    for key, value in entries:
        groups.setdefault(key, []).append(value)
    return groups


assert group_NAME([("x", 1), ("y", 2), ("x", 3)]) == {"x": [1, 3], "y": [2]}
''',
    ),
    (
        "gives the mean, and says so when there is none",
        '''
def mean_NAME(values: list[float]) -> float:
    """The mean of TOPIC. Raises ValueError when there are no values."""
    if not values:
        raise ValueError("no values for TOPIC")
    return sum(values) / len(values)


assert mean_NAME([1.0, 2.0, 3.0]) == 2.0
''',
    ),
    (
        "cuts a long list into pages",
        '''
def page_NAME(entries: list[int], size: int) -> list[list[int]]:
    """Cut entries on TOPIC into pages of at most `size`."""
    return [entries[start : start + size] for start in range(0, len(entries), size)]


assert page_NAME([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
''',
    ),
    (
        "merges two sorted lists without sorting again",
        '''
def merge_NAME(left: list[int], right: list[int]) -> list[int]:
    """Merge two sorted lists of TOPIC into one."""
    merged: list[int] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i] <= right[j]:
            merged.append(left[i])
            i += 1
        else:
            merged.append(right[j])
            j += 1
    return merged + left[i:] + right[j:]


assert merge_NAME([1, 4], [2, 3, 5]) == [1, 2, 3, 4, 5]
''',
    ),
    (
        "drops repetitions and keeps the order",
        '''
def unique_NAME(entries: list[str]) -> list[str]:
    """The different entries on TOPIC, in the order of their first appearance."""
    return list(dict.fromkeys(entries))


assert unique_NAME(["b", "a", "b"]) == ["b", "a"]
''',
    ),
    (
        "keeps a value between two bounds",
        '''
def clamp_NAME(value: float, low: float, high: float) -> float:
    """The value nearest to `value` that TOPIC allows."""
    return max(low, min(high, value))


assert clamp_NAME(12, 0, 10) == 10
assert clamp_NAME(-3, 0, 10) == 0
''',
    ),
    (
        "adds up as it goes along",
        '''
def running_NAME(amounts: list[int]) -> list[int]:
    """The sum of TOPIC so far, after each amount."""
    total = 0
    sums: list[int] = []
    for amount in amounts:
        total += amount
        sums.append(total)
    return sums


assert running_NAME([3, 4, 5]) == [3, 7, 12]
''',
    ),
    (
        "finds the place by halving",
        '''
def find_NAME(entries: list[int], wanted: int) -> int:
    """Where `wanted` stands in the sorted entries of TOPIC, or -1."""
    low, high = 0, len(entries)
    while low < high:
        middle = (low + high) // 2
        if entries[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < len(entries) and entries[low] == wanted else -1


assert find_NAME([2, 3, 5, 7], 5) == 2
assert find_NAME([2, 3, 5, 7], 4) == -1
''',
    ),
)
_LEADS = ("The first part {does}.", "Next comes a function that {does}.", "This one {does}.", "The last {does}.")


def write_code(reading: Reading, rng: Random) -> str:
    """An introduction and three or four fenced blocks, each with a function and a check of it."""
    pieces = rng.sample(_PIECES, rng.randint(3, 4))
    parts = [f"{MARK} {begin(reading)}Here is {reading.word(0)} in {len(pieces)} small functions, each with a check."]
    for n, (does, code) in enumerate(pieces):
        lead = _LEADS[-1] if n == len(pieces) - 1 else _LEADS[min(n, 2)]
        topic = reading.word(n)
        body = code.strip().replace("NAME", to_identifier(topic)).replace("TOPIC", topic)
        parts.append(f"{lead.format(does=does)}\n\n```python\n{body}\n```")
    return ("\n\n" if reading.goes_on else "") + "\n\n".join(parts) + "\n"


def to_identifier(word: str) -> str:
    """A Python identifier in snake case made from a word of any language."""
    kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in word.lower()).strip("_")
    if not kept or not kept[0].isalpha() or keyword.iskeyword(kept):
        return "entry"
    return kept
