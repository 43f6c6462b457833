import re

import pytest

from stretto.auth.keys import digest_of, is_key, new_key


def test_a_key_holds_256_bits_that_are_not_kept_or_shown():
    made = new_key()
    form = re.fullmatch(r"st_([0-9a-f]{12})_([0-9a-f]{64})", made.text)
    assert form is not None
    assert form[1] == made.prefix
    assert digest_of(form[2]) == made.digest
    assert form[2] not in repr(made)
    assert made.digest.hex() not in repr(made)


def test_no_two_keys_are_alike():
    made = [new_key() for _ in range(100)]
    assert len({key.prefix for key in made}) == len({key.digest for key in made}) == 100


@pytest.mark.parametrize(("text", "ours"), [("st_abc", True), ("sk-abc", False), ("", False), ("ST_abc", False)])
def test_only_what_begins_as_our_keys_do_is_taken_for_one(text: str, ours: bool):
    assert is_key(text) == ours
