"""Arguments that are read without pydantic are read the same by pydantic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.orchestrator_api import plain_arguments, registry, validation, values

COMMANDS = [*registry.CONTRACT_COMMANDS, *registry.PEOPLE_COMMANDS]
PARAMS = [registry.find(name, for_people=True).params for name in COMMANDS]

TEXTS = st.sampled_from(
    ["", " ", "\x1c", "\u3000", "\u200b", "a", " a ", "Zo\u00eb", "\ud800", "a\ud800"]
) | st.sampled_from(["approved", "approved\n", "a" * 40, "A" * 40, "0" * 64, "done", "0" * 41])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS
REVIEW = st.fixed_dictionaries(
    {"reviewer": SCALARS, "verdict": SCALARS, "reference": TEXTS},
    optional={"feedback_path": SCALARS, "more": SCALARS},
)
VALUES = st.one_of(
    TEXTS,
    SCALARS,
    REVIEW,
    st.fixed_dictionaries({"review": REVIEW}),
    st.lists(TEXTS, max_size=2),
    st.dictionaries(TEXTS, SCALARS, max_size=1),
)


@given(data=st.data(), params=st.sampled_from(PARAMS))
def test_pydantic_reads_every_plain_argument_the_same(
    data: st.DataObject, params: type[Any]
) -> None:
    names = [it.name for it in values.fields(params)]
    some = st.sampled_from([*names, "unknown"]) if names else st.just("unknown")
    args = dict.fromkeys(names, "a") if data.draw(st.booleans()) else {}
    args |= data.draw(st.dictionaries(some, VALUES, max_size=4))
    read = plain_arguments.read(params, args)
    if read is not None:
        assert validation.validate(params, args) == (read, [])


MOVE = {"mission": "1", "wp": "WP01", "to": "claimed", "actor": "Zoë"}
REVIEWED = {"reviewer": "ada", "verdict": "approved", "reference": "r"}


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("mission-state", {"mission": "034-search"}),
        ("transition", MOVE),
        ("transition", MOVE | {"note": None, "force": True, "commit": "a" * 40}),
        ("transition", MOVE | {"evidence": {"review": REVIEWED}, "review_result": REVIEWED}),
        ("append-history", {"mission": "1", "wp": "WP01", "actor": "a", "note": "öfter"}),
        ("merge-mission", {"mission": "1", "strategy": "squash", "push": True}),
    ],
)
def test_typical_arguments_are_read_without_pydantic(command: str, args: dict[str, Any]) -> None:
    assert plain_arguments.read(registry.find(command).params, args) is not None
