"""Tests of adding fields to front matter without changing any other byte."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from specify_cli.errors import StateUnreadable
from specify_cli.storage import front_matter
from specify_cli.storage.front_matter_edit import NotEditable, with_fields

PATH = Path("WP01-step.md")
NEEDS = {"dependencies": ["WP01"]}


def added(text: str, fields: dict[str, Sequence[str]] | None = None) -> str:
    return with_fields(text.encode(), fields or NEEDS, PATH).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("---\ntitle: A\n---\nBody.", "---\ntitle: A\ndependencies: [WP01]\n---\nBody."),
        (
            "---\n# first\ntitle: A  # why\n\n# last\n---\n",
            "---\n# first\ntitle: A  # why\n\n# last\ndependencies: [WP01]\n---\n",
        ),
        ("---\r\na: 1\r\n---\r\nB\n", "---\r\na: 1\r\ndependencies: [WP01]\r\n---\r\nB\n"),
        ("---\ra: 1\r---\rB", "---\ra: 1\rdependencies: [WP01]\r---\rB"),
        ("\ufeff---\na: 1\n---\n", "\ufeff---\na: 1\ndependencies: [WP01]\n---\n"),
        ("--- \na: 1\n---\t\n", "--- \na: 1\ndependencies: [WP01]\n---\t\n"),
        ("---\n  a: 1\n  b: é\n---\n", "---\n  a: 1\n  b: é\n  dependencies: [WP01]\n---\n"),
        ("---\n# b\na: |+\n  x\n\n---\n", "---\n# b\ndependencies: [WP01]\na: |+\n  x\n\n---\n"),
        (
            "---\n  a: 1\n  b: >\n   x\n---\n",
            "---\n  dependencies: [WP01]\n  a: 1\n  b: >\n   x\n---\n",
        ),
        (
            "---\na: |\n  x\nb: y\n z\n---\n",
            "---\na: |\n  x\nb: y\n z\ndependencies: [WP01]\n---\n",
        ),
        ("---\na:\n- b: |\n   x\n---\n", "---\ndependencies: [WP01]\na:\n- b: |\n   x\n---\n"),
        ("---\n---\nBody.", "---\ndependencies: [WP01]\n---\nBody."),
        ("---\n# only\n---\n", "---\n# only\ndependencies: [WP01]\n---\n"),
        ("# Body\n", "---\ndependencies: [WP01]\n---\n\n# Body\n"),
        ("# Body\r\n", "---\r\ndependencies: [WP01]\r\n---\r\n\r\n# Body\r\n"),
        ("", "---\ndependencies: [WP01]\n---\n\n"),
        ('---\n{"a": 1}\n---\n', '---\n{"a": 1, dependencies: [WP01]}\n---\n'),
        ("---\n{}\n---\n", "---\n{dependencies: [WP01]}\n---\n"),
        ("---\ndependencies:\na: 1\n---\n", "---\ndependencies: [WP01]\na: 1\n---\n"),
        (
            "---\nä: ö\n'dependencies' : ~ # none yet\na: 1\n---\n",
            "---\nä: ö\n'dependencies' : [WP01] # none yet\na: 1\n---\n",
        ),
        (
            "---\ndependencies: # none yet\n---\n",
            "---\ndependencies: [WP01] # none yet\n---\n",
        ),
        (
            "---\r\ndependencies: null\r\n---\r\n",
            "---\r\ndependencies: [WP01]\r\n---\r\n",
        ),
    ],
)
def test_a_field_is_added_and_every_other_byte_is_kept(before: str, after: str) -> None:
    assert added(before) == after


def test_two_fields_with_long_lists_are_added_at_once() -> None:
    files = [f"src/a very long folder's name/{n}/**" for n in range(9)] + ["*.py", "ü: {x}"]
    fields: dict[str, Sequence[str]] = {"dependencies": ["WP01", "WP02"], "owned_files": files}
    for text in ("---\r\nowned_files:\r\n---\r\n", "---\n  a: 1\n---\n", "---\n{a: 1,}\n---\n"):
        header = front_matter.parse(added(text, fields).replace("\r\n", "\n"), PATH)
        assert {name: header[name] for name in fields} == fields


@pytest.mark.parametrize(
    "text",
    [
        "---\na: &x\ndependencies: *x\n---\n",
        "---\n!!map\na: |\n x\n---\n",
    ],
)
def test_an_edit_that_would_change_another_field_is_refused(text: str) -> None:
    with pytest.raises(NotEditable):
        added(text)


KEYS = st.sampled_from(["a", "'b'", "? c\n", "dependencies", "x: &y", "<<"])
VALUES = st.sampled_from(["", "1", "null", "[1, 2]", "|\n  x", "'é\n  y'", "# no", "{z: 1}", "*y"])
LINES = st.lists(st.tuples(KEYS, VALUES), max_size=5)


@given(LINES, st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["", "\ufeff"]))
def test_an_edit_keeps_all_other_fields_or_changes_nothing(
    lines: list[tuple[str, str]], newline: str, mark: str
) -> None:
    body = "".join(f"{key}: {value}\n" for key, value in lines)
    text = f"---\n{body}---\nBody.\n"
    try:
        header = front_matter.parse(text, PATH)
    except StateUnreadable:
        assume(False)
    assume(header.get("dependencies") is None)
    raw = mark + text.replace("\n", newline)
    try:
        after = added(raw)
    except NotEditable:
        return
    again = front_matter.parse(after.removeprefix(mark).replace(newline, "\n"), PATH)
    assert again == header | NEEDS
    assert after.endswith(f"---{newline}Body.{newline}")
