"""Nearly valid requests: those of the contract's own cases, with a few changes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.integration.stage import SLUG

CASES = Path(__file__).parents[2] / "contract" / "v1" / "fixtures" / "cases"
ODD: list[Any] = [
    None, True, False, 0, -1, 1, 2**63, 10**400, 0.5, -0.0, 1e308, "", " ", "\0", "\n", "\x1b[31m",
    "\ud800", "\u202e", "\U0010ffff", "..", "../..", "/etc/passwd", "*", "WP01", "wp01", "WP99", "WP",
    SLUG, "001", "1", "search", "planned", "doing", "in_progress", "approved", "done", "merge", "HEAD",
    "--force", "--yolo", "1.3.0", "9.9.9", "2026-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "x" * 5000,
    [], [[]], {}, {"": None}, [None], ["WP01"], {"review": {"verdict": "approved"}},
]  # fmt: skip
NAMES = [
    "", "mission", "wp", "actor", "note", "to", "force", "policy", "args", "command", "correlation_id",
    "evidence", "review_result", "review_ref", "target", "strategy", "push", "not_after", "Mission",
    "mission ", "__class__", "\ud800", "m\u0456ssion", "contract_version", "subtasks_complete",
]  # fmt: skip
TOKENS = [
    b"", b"\xef\xbb\xbf", b"\0", b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 5000, b"\xff",
    b"\xed\xa0\x80", b"[" * 2000, b"{", b"}", b"]", b'"', b"\\", b"\\u0000", b"\\ud800", b",", b":",
    b"\n", b"\x1b", b"//", b'"actor":"x",', b"null", b"true",
]  # fmt: skip
Tree = Any
Where = tuple[Any, ...]


def valid() -> list[dict[str, Any]]:
    """A request of every kind that the contract's cases show, asked of our own mission."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(CASES.glob("*/*.json")):
        asked = json.loads(path.read_bytes())["request"]
        if not {"command", "args"} <= set(asked):
            continue
        args = asked["args"]
        args |= {"mission": SLUG} if "mission" in args else {}
        args |= {"wp": "WP01"} if "wp" in args else {}
        body = {
            "contract_version": asked.get("contract_version", "1.3.0"),
            "correlation_id": "id",
            "command": asked["command"],
            "args": args,
            **{name: asked[name] for name in ("policy", "not_after") if name in asked},
        }
        found.setdefault(json.dumps(body, sort_keys=True), body)
    return list(found.values())


def places(value: Tree, where: Where = ()) -> Iterator[Where]:
    """The path to every value in the tree."""
    yield where
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(item, (*where, key))


def _put(tree: Tree, where: Where, value: Tree) -> Tree:
    if not where:
        return value
    _at(tree, where[:-1])[where[-1]] = value
    return tree


def _at(tree: Tree, where: Where) -> Tree:
    for key in where:
        tree = tree[key]
    return tree


def _drop(tree: Tree, where: Where) -> Tree:
    if where:
        del _at(tree, where[:-1])[where[-1]]
    return tree


def _rename(tree: Tree, where: Where, name: str) -> Tree:
    holder = _at(tree, where[:-1]) if where else None
    if isinstance(holder, dict):
        holder[name] = holder.pop(where[-1])
    return tree


def _add(tree: Tree, where: Where, name: str, value: Tree) -> Tree:
    holder = _at(tree, where)
    if isinstance(holder, dict):
        holder[name] = value
    elif isinstance(holder, list):
        holder.append(value)
    return tree


@st.composite
def changed_trees(draw: Callable[..., Any]) -> Tree:
    """A valid request with one to three changes."""
    tree: Tree = copy.deepcopy(draw(st.sampled_from(valid())))
    for _ in range(draw(st.integers(0, 3))):
        where = draw(st.sampled_from(list(places(tree))))
        value = draw(st.sampled_from(ODD) | st.text(max_size=8) | st.integers())
        name = draw(st.sampled_from(NAMES))
        kind = draw(st.sampled_from(["put", "drop", "rename", "add"]))
        tree = _changed(tree, kind, where, name=name, value=value)
    return tree


def _changed(tree: Tree, kind: str, where: Where, *, name: str, value: Tree) -> Tree:
    ways: Mapping[str, Callable[[], Tree]] = {
        "put": lambda: _put(tree, where, copy.deepcopy(value)),
        "drop": lambda: _drop(tree, where),
        "rename": lambda: _rename(tree, where, name),
        "add": lambda: _add(tree, where, name, copy.deepcopy(value)),
    }
    return ways[kind]()


@st.composite
def nearly_right(draw: Callable[..., Any]) -> bytes:
    """The bytes of a changed request, sometimes with some of the bytes changed too."""
    raw: bytes = json.dumps(draw(changed_trees())).encode()
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        start = draw(st.integers(0, len(raw)))
        end = start + draw(st.sampled_from([0, 0, 1, 2, 16]))
        raw = raw[:start] + draw(st.sampled_from(TOKENS) | st.binary(max_size=3)) + raw[end:]
    return raw
