"""Tests that simple YAML is read without PyYAML, with the same result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from specify_cli.storage import front_matter, simple_yaml

LOADERS = [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)]

WORDS = st.sampled_from(
    [
        "WP01",
        "src/**",
        "**/*.py",
        ".github/x",
        "./a",
        "../b",
        "_",
        "null",
        "~",
        "yes",
        "No",
        "y",
        "on",
        ".inf",
        ".NaN",
        "0",
        "7",
        "007",
        "1_0",
        "0x1F",
        "1e3",
        "1.5",
        "+1",
        "-1",
        "12:30",
        "2026-11-22",
        "<<=",
        "=",
        "-",
        "--",
        "---",
        "...",
        "a:b",
        "a:",
        ":a",
        "a#b",
        "#a",
        "&a",
        "*a",
        "!a",
        "!!str",
        "|-",
        ">",
        "%",
        "@",
        "`",
        "?",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
        "\\",
        "\\n",
        '"a"',
        '"a,b"',
        "'a'",
        "''",
        '""',
        "'a''b'",
        "Zoë",
        "٣",
        "\xa0",
        "\u3000",
        "\ufeff",
        "\t",
        "\r",
        "\x85",
        "😀",
    ]
)
TEXTS = st.lists(WORDS | st.text(max_size=3), min_size=1, max_size=3).map(" ".join)
PLAIN = st.sampled_from(
    ["WP01", "src/**", "A title - of (some) words, and more", "'it''s'", '"x: y"', "3", ""]
)
NAMES = st.sampled_from(
    ["title", "work_package_id", "a-b", "-a", "yes", "on", "NULL", "a b", "1a", "'q'", "z\u00eb"]
)
SPACES = st.sampled_from(["", " ", "  ", "   "])
VALUES = TEXTS | PLAIN
LISTS = st.lists(VALUES | PLAIN, max_size=3).map(", ".join).map("[{}]".format)
LINES = st.one_of(
    st.builds(
        "{}{}:{}{}{}".format, SPACES.map(lambda it: it[2:]), NAMES, SPACES, VALUES | LISTS, SPACES
    ),
    st.builds("{}:{}".format, NAMES, SPACES),
    st.builds("{}-{}{}".format, SPACES, SPACES, VALUES),
    st.builds("{}# {}".format, SPACES, TEXTS),
    TEXTS,
    st.just(""),
)


def plain(name: str) -> st.SearchStrategy[str]:
    """A field of this name with simple values, in any form."""
    items = st.lists(PLAIN, min_size=1, max_size=3)
    block = items.map(lambda found: "".join(f"\n  - {it}" for it in found))
    return st.one_of(PLAIN, items.map(", ".join).map("[{}]".format), block).map(
        lambda value: f"{name}: {value}"
    )


HEADERS = st.lists(LINES, max_size=5).map("\n".join) | st.tuples(
    plain("title"), plain("dependencies"), plain("owned_files"), LINES
).map("\n".join)


@given(HEADERS)
@example("a:\n- x\n- y\nb: 'q'")
@example("a:\n\n  # why\n  - x\n  - 'y: z'\n")
@example("a: [x, 'y', 3]\nb: []")
@example("a:\n  - x\n - y")
@example("a: x\n  y")
@example("a: x\n- y")
@example("a: ['x', y']")
def test_simple_yaml_is_read_as_pyyaml_reads_it(text: str) -> None:
    found = simple_yaml.read(text.split("\n"))
    if found is not None:
        for loader in LOADERS:
            expected = yaml.load(text, Loader=loader) or {}
            assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    "text",
    [
        "work_package_id: WP01\ntitle: Add the search (part one), and its tests\ndependencies: []",
        'title: "Fix: it"\nsubtasks: [T001, "T002", \'T003\']\nowned_files:\n  - src/a/**\n  - "*.md"',
        "dependencies:\n- WP01\n- WP02\n\n# a remark\npriority: 3\nnote:",
    ],
)
def test_common_headers_are_simple_yaml(text: str) -> None:
    assert simple_yaml.read(text.split("\n")) is not None


def test_a_simple_header_does_not_import_pyyaml() -> None:
    code = (
        "import sys, pathlib; from specify_cli.storage import front_matter;"
        "print(front_matter.parse('---\\na: [b]\\n---\\n', pathlib.Path('x')), 'yaml' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "{'a': ['b']} False\n"


def test_a_header_that_is_not_simple_is_read_by_pyyaml() -> None:
    assert front_matter.parse("---\na: {b: c}\n---\n", Path("x")) == {"a": {"b": "c"}}
