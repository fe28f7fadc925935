from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.errors import StateUnreadable
from specify_cli.storage import front_matter, yaml_text

PATH = Path("WP01-step.md")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


@given(st.dictionaries(TEXTS.filter(bool), TEXTS | st.lists(TEXTS, max_size=3), max_size=4))
def test_a_rendered_header_is_parsed_as_the_same_header(header: dict[str, object]) -> None:
    assert front_matter.parse(front_matter.render(header) + "\nbody\n---\n", PATH) == header


@given(st.text())
def test_any_text_is_parsed_or_refused_with_file_and_line(text: str) -> None:
    try:
        header = front_matter.parse(f"---\n{text}\n---\n", PATH)
    except StateUnreadable as error:
        found = error.details
    else:
        found = {"file": str(PATH), "line": len(header)}
    assert set(found) == {"file", "line"}


@pytest.mark.parametrize(
    "text", ["", "body\n---\nname: x\n---\n", "--- \n---\n", "---\n# no\n---\n"]
)
def test_a_text_without_front_matter_has_an_empty_header(text: str) -> None:
    assert front_matter.parse(text, PATH) == {}


@pytest.fixture(params=["CSafeLoader", "SafeLoader"])
def either_loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    base = getattr(yaml, request.param, None)
    if base is None:
        pytest.skip("this PyYAML has no libyaml")
    loader = type("Loader", (yaml_text._NamesTheLine, base), {})
    monkeypatch.setattr(yaml_text, "_Loader", loader)


@pytest.mark.usefixtures("either_loader")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("---\nname: x\n", 1),
        ("---\nname: x\nother: [1, 2\n---\n", 3),
        ("---\nname: x\nother: [1,\n\n\n---\n", 3),
        ("---\nname: x\nother: 'one\nlast: two\n---\n", 3),
        ("---\nname: x\nother: [1\nlast: two\n---\n", 4),
        ("---\nname: x\nfiles: [**/*.py]\n---\n", 3),
        ("---\n- a\n- list\n---\n", 2),
        ("---\nname: x\n\tother: y\n---\n", 3),
        ("---\nname: x\nbell: \x07\n---\n", 3),
        ("---\nname: äöü€\nbell: \x07\n---\n", 3),
        ("---\nname: x\nsurrogate: \ud800\n---\n", 3),
        ("---\nname: x\ncreated: 2026-13-45\n---\n", 3),
        ("---\nname: x\n2026-13-45: y\n---\n", 3),
        ("---\nname: x\nother: [1, {deep: 2026-13-45}]\n---\n", 3),
        ("---\nname: x\nnumber: !!int abc\n---\n", 3),
        ("---\nname: x\nnumber: !!int ''\n---\n", 3),
        ("---\nname: x\nanswer: !!bool perhaps\n---\n", 3),
        ("---\nname: 'a\x85b'\nother: 'a\u2028b'\nlast: ]\n---\n", 4),
        ("---\nname: !!python/object/apply:os.getcwd []\n---\n", 2),
    ],
)
def test_a_damaged_header_is_refused_with_its_file_and_line(text: str, line: int) -> None:
    with pytest.raises(StateUnreadable) as caught:
        front_matter.parse(text, PATH)
    assert caught.value.details == {"file": str(PATH), "line": line}


DEEPEST = yaml_text.DEEPEST


@pytest.mark.usefixtures("either_loader")
@pytest.mark.parametrize(
    ("deep", "line"),
    [
        ("[" * 200_000, 2),
        ("[" * 200 + "]" * 200, 2),
        ("{a: " * 5_000, 2),
        ("[\n" * 5_000, DEEPEST + 1),
        ("\n" + "".join(f"{' ' * n}a:\n" for n in range(3_000)), DEEPEST + 3),
        ("\n" + "- " * 200_000, 3),
    ],
)
def test_nesting_is_refused_at_the_line_where_it_becomes_too_deep(deep: str, line: int) -> None:
    with pytest.raises(StateUnreadable) as caught:
        front_matter.parse(f"---\ndeep: {deep}\n---\n", PATH)
    assert caught.value.details == {"file": str(PATH), "line": line}


@pytest.mark.usefixtures("either_loader")
def test_a_header_may_be_nested_to_the_limit() -> None:
    text = f"---\ndeep: {'[' * (DEEPEST - 1)}{']' * (DEEPEST - 1)}\n---\n"

    assert front_matter.parse(text, PATH).keys() == {"deep"}
