from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli import credentials
from specify_cli.conformance.documents import ROOT

CASES = json.loads((ROOT / "v1" / "policy-cases.json").read_text())["texts"]
MASKED = [case["text"] for case in CASES if case["text"] != case["recorded"]]
KEYS = [
    "ghp_" + "fake" * 5,
    "glpat-" + "fake" * 5,
    "npm_" + "fake" * 9,
    "hvs." + "fake" * 6,
    "AKIA" + "FAKE" * 4,
]
UNSEEN = ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u0301", "\U000e0041", "\u3164", "\x00"]
# Pieces of credentials beside any text: the parts that a mask may bring together.
TEXTS = st.lists(
    st.sampled_from([*MASKED, *KEYS, "[redacted: github]", ":", "@h"]) | st.text()
).map("".join)


@given(TEXTS)
def test_masking_is_complete_and_idempotent(text: str) -> None:
    masked = credentials.masked(text)
    assert not credentials.find(masked)
    assert credentials.masked(masked) == masked


@given(TEXTS)
def test_a_text_without_a_credential_stays_as_it_is(text: str) -> None:
    if not credentials.find(text):
        assert credentials.masked(text) == text


@given(
    st.sampled_from(KEYS), st.sampled_from([*UNSEEN, "\n", "\r\n", "\u2028", "\n    "]), st.data()
)
def test_characters_inserted_into_a_credential_do_not_hide_it(
    key: str, inside: str, data: Any
) -> None:
    at = data.draw(st.integers(1, len(key) - 1))
    told = credentials.masked(f"see {key[:at]}{inside}{key[at:]} there")
    assert told.startswith("see [redacted: ")
    assert told.endswith("] there")


@pytest.mark.parametrize("key", KEYS)
def test_full_width_letters_do_not_hide_a_credential(key: str) -> None:
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in key)
    assert credentials.masked(wide).startswith("[redacted: ")


def test_masked_fields_are_listed_and_keys_are_masked_too() -> None:
    fields: list[str] = []
    value = {"note": KEYS[0], "review": {"reference": [KEYS[1], "x"]}, KEYS[2]: 1}
    masked = credentials.masked_json(value, fields)
    assert fields == ["note", "review.reference[0]"]
    assert masked["note"] == "[redacted: github]"
    assert not any(key in json.dumps(masked) for key in KEYS)
