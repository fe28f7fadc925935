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


def test_a_valid_policy_is_returned_unchanged() -> None:
    more = {"tool_restrictions": None, "note": ["free", {"text": 1.5}]}
    assert policy.check(POLICY | more, is_required=True) == POLICY | more
    assert policy.check(POLICY, is_required=True) == POLICY | {"tool_restrictions": None}


def test_a_missing_policy_is_refused_only_if_required() -> None:
    assert policy.check(None, is_required=False) is None
    with pytest.raises(PolicyMetadataRequired):
        policy.check(None, is_required=True)


@pytest.mark.parametrize("declared", ["", " \n"])
def test_an_empty_policy_is_always_refused_as_missing(declared: str) -> None:
    for is_required in (True, False):
        with pytest.raises(PolicyMetadataRequired):
            policy.check(declared, is_required=is_required)


@pytest.mark.parametrize("declared", [[], "text", 3, True, 0, "{}"])
def test_a_policy_must_be_an_object(declared: Any) -> None:
    assert refused(declared) == "policy"


@pytest.mark.parametrize("name", policy.REQUIRED_TEXTS)
@pytest.mark.parametrize("value", [None, 3, True, ["x"]])
def test_every_required_field_must_be_a_string(name: str, value: Any) -> None:
    assert refused(POLICY | {name: value}) == name
    missing = {key: kept for key, kept in POLICY.items() if key != name}
    assert refused(missing) == name


@pytest.mark.parametrize("flags", [None, "", "--x", [1], {}])
def test_dangerous_flags_must_be_a_list_of_strings(flags: Any) -> None:
    assert refused(POLICY | {"dangerous_flags": flags}).startswith("dangerous_flags")


HIDDEN = ["--yolo", "--FULL-AUTO=1", "x --dangerously-skip-permissions", "my-secret-token", "a:b@c"]


@pytest.mark.parametrize("half", ["\ud800", "a\udc80b"])
def test_lone_surrogates_are_refused(half: str) -> None:
    assert refused(POLICY | {"orchestrator_id": half}) == "orchestrator_id"
    assert refused(POLICY | {"more": [{half: 1}]}) == "more[0]"
    assert refused(POLICY | {half: 1}) == "policy"


@pytest.mark.parametrize("text", HIDDEN)
def test_banned_text_is_found_at_any_depth_and_never_echoed(text: str) -> None:
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
def test_any_object_is_returned_unchanged_or_refused(declared: dict[str, Any]) -> None:
    try:
        recorded = policy.check(POLICY | declared, is_required=True)
    except PolicyValidationFailed:
        return
    assert recorded == {"tool_restrictions": None} | POLICY | declared
