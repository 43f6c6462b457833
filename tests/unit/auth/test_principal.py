"""Principals: a role, narrowed by scopes; nobody grants what he does not have."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.auth import LOCAL, MEANINGS, ROLES, Permission, Principal, Role, role_named, scopes_named
from stretto.errors import Invalid, NotAllowed
from stretto.store import DEFAULT_TENANT

roles = st.sampled_from(list(ROLES))
scopes = st.none() | st.frozensets(st.sampled_from(list(MEANINGS)))


def principal(role: Role, narrowed: frozenset[Permission] | None) -> Principal:
    return Principal(DEFAULT_TENANT, "key 1", role, "key", scopes=narrowed)


@given(roles, scopes)
def test_a_principal_may_do_what_role_and_scopes_both_allow(role: Role, narrowed: frozenset[Permission] | None):
    who = principal(role, narrowed)
    for permission in get_args(Permission):
        allowed = permission in ROLES[role] and (narrowed is None or permission in narrowed)
        assert who.may(permission) == allowed
        if allowed:
            who.check(permission)
        else:
            with pytest.raises(NotAllowed, match=permission):
                who.check(permission)


@given(roles, scopes, roles, scopes)
def test_what_is_granted_is_never_more_than_ones_own(
    role: Role, narrowed: frozenset[Permission] | None, other: Role, given: frozenset[Permission] | None
):
    who, made = principal(role, narrowed), principal(other, given)
    try:
        who.check_grant(other, given)
    except NotAllowed:
        assert not made.permissions <= who.permissions
    else:
        assert made.permissions <= who.permissions


def test_every_permission_has_a_meaning_and_an_owner_has_all():
    assert set(MEANINGS) == set(get_args(Permission)) == ROLES["owner"] == LOCAL.permissions


def test_who_runs_flows_does_not_decide_reviews():
    assert "reviews:decide" not in ROLES["operator"]
    assert "runs:start" not in ROLES["reviewer"]


def test_names_that_are_none_are_refused_with_those_that_are():
    assert role_named("viewer") == "viewer"
    assert scopes_named(None) is None
    assert scopes_named(["runs:read"]) == {"runs:read"}
    with pytest.raises(Invalid, match="owner, admin"):
        role_named("root")
    with pytest.raises(Invalid, match=r"runs:everything.*runs:read"):
        scopes_named(["runs:read", "runs:everything"])
