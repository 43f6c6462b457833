"""Every answer is as the OpenAPI document says; the long form is `python -m tests.attack.schema`."""

from __future__ import annotations

import pytest

from tests.attack.schema import conform


@pytest.mark.timeout(300)
async def test_every_answer_is_as_the_document_says() -> None:
    """Some hundred requests: what the document allows and what it does not."""
    outcome = await conform(300, most_s=280, phases="examples,fuzzing")
    assert not outcome.failed, outcome.told
    assert outcome.requests >= 300
    assert outcome.statuses[200] > 50, outcome.statuses
    assert outcome.statuses[404] > 20, outcome.statuses
