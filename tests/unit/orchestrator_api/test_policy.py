from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.errors import PolicyMetadataRequired, PolicyValidationFailed
from specify_cli.orchestrator_api import policy
from tests.integration.stage import POLICY


def refused(declared: Any) -> str:
    with pytest.raises(PolicyValidationFailed) as caught:
        policy.check(declared, is_required=False)
    assert caught.value.details == {"field": caught.value.details["field"]}
    return str(caught.value.details["field"])


def test_a_policy_that_is_in_order_is_recorded_as_it_was_given() -> None:
    more = {"tool_restrictions": None, "note": ["free", {"text": 1.5}]}
    assert policy.check(POLICY | more, is_required=True) == POLICY | more
    assert policy.check(POLICY, is_required=True) == POLICY | {"tool_restrictions": None}


def test_a_missing_policy_matters_only_where_one_is_needed() -> None:
    assert policy.check(None, is_required=False) is None
    with pytest.raises(PolicyMetadataRequired):
        policy.check(None, is_required=True)


@pytest.mark.parametrize("declared", ["", " \n"])
def test_an_empty_policy_is_a_missing_one_wherever_it_is_given(declared: str) -> None:
    for is_required in (True, False):
        with pytest.raises(PolicyMetadataRequired):
            policy.check(declared, is_required=is_required)


@pytest.mark.parametrize("declared", [[], "text", 3, True, 0, "{}"])
def test_a_policy_is_an_object(declared: Any) -> None:
    assert refused(declared) == "policy"


@pytest.mark.parametrize("name", policy.REQUIRED_TEXTS)
@pytest.mark.parametrize("value", [None, 3, True, ["x"]])
def test_each_field_is_a_text_and_is_named_where_it_is_not(name: str, value: Any) -> None:
    assert refused(POLICY | {name: value}) == name
    missing = {key: kept for key, kept in POLICY.items() if key != name}
    assert refused(missing) == name


@pytest.mark.parametrize("flags", [None, "", "--x", [1], {}])
def test_flags_are_a_list_of_texts(flags: Any) -> None:
    assert refused(POLICY | {"dangerous_flags": flags}).startswith("dangerous_flags")


HIDDEN = ["--yolo", "--FULL-AUTO=1", "x --dangerously-skip-permissions", "my-secret-token", "a:b@c"]


@pytest.mark.parametrize("half", ["\ud800", "a\udc80b"])
def test_half_a_character_is_refused_because_strict_readers_could_not_read_it(half: str) -> None:
    assert refused(POLICY | {"orchestrator_id": half}) == "orchestrator_id"
    assert refused(POLICY | {"more": [{half: 1}]}) == "more[0]"
    assert refused(POLICY | {half: 1}) == "policy"


@pytest.mark.parametrize("text", HIDDEN)
def test_what_is_banned_is_found_at_any_depth_and_never_echoed(text: str) -> None:
    places: list[tuple[dict[str, Any], str]] = [
        ({"dangerous_flags": [text]}, "dangerous_flags[0]"),
        ({"orchestrator_id": text}, "orchestrator_id"),
        ({"deep": [{"er": [text]}]}, "deep[0].er[0]"),
        ({"more": {text: 1}}, "more"),
        ({text: 1}, "policy"),
    ]
    for place, field in places:
        with pytest.raises(PolicyValidationFailed) as caught:
            policy.check(POLICY | place, is_required=False)
        assert caught.value.details["field"] == field
        assert text not in caught.value.message


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text()) | st.integers() | st.none()))
def test_any_object_is_recorded_as_it_was_given_or_refused(declared: dict[str, Any]) -> None:
    try:
        recorded = policy.check(POLICY | declared, is_required=True)
    except PolicyValidationFailed:
        return
    assert recorded == {"tool_restrictions": None} | POLICY | declared
