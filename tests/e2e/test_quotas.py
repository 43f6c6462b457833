"""`stretto tenant quota`: sets, shows and takes away what a tenant may do."""

from __future__ import annotations

from tests.e2e.command import Stretto


def test_quotas_are_set_shown_and_taken_away(stretto: Stretto):
    assert "no quotas of its own" in stretto.inside("tenant", "quota", "local").err
    done = stretto.inside("tenant", "quota", "local", "--requests", "5/second;100/hour", "--runs-per-day", "9")
    assert done.code == 0
    shown = stretto.inside("tenant", "quota", "local").out
    assert "5/second;100/hour" in shown
    assert "runs_per_day" in shown
    taken = stretto.inside("tenant", "quota", "local", "--requests", "default", "--runs-per-day", "none")
    assert "no quotas of its own" in taken.err


def test_what_makes_no_sense_changes_nothing(stretto: Stretto):
    for arguments, told in (
        (("--unfinished-runs", "3", "--requests", "fast"), "is no rate"),
        (("--runs-per-day", "many"), "is no number"),
        (("--key", "0123456789ab"), "--key goes with --key-requests"),
        (("--key", "0123456789ab", "--key-requests", "1/day"), "has no key"),
    ):
        refused = stretto.inside("tenant", "quota", "local", *arguments)
        assert refused.code == 2
        assert told in refused.err
    assert "There is no tenant" in stretto.inside("tenant", "quota", "nobody").err
    assert "no quotas of its own" in stretto.inside("tenant", "quota", "local").err
