"""A fact is looked up once for each request, and again while it is missing."""

from __future__ import annotations

from specify_cli import request_facts


def test_fact_is_looked_up_once_in_a_request() -> None:
    found = iter(["first", "second", "third"])
    with request_facts.kept():
        assert request_facts.once("key", lambda: next(found)) == "first"
        assert request_facts.once("key", lambda: next(found)) == "first"
    with request_facts.kept():
        assert request_facts.once("key", lambda: next(found)) == "second"
    assert request_facts.once("key", lambda: next(found)) == "third"


def test_what_is_missing_is_looked_up_again() -> None:
    found = iter([None, "there"])
    with request_facts.kept():
        assert request_facts.once("key", lambda: next(found)) is None
        assert request_facts.once("key", lambda: next(found)) == "there"


def test_facts_of_different_keys_are_kept_apart() -> None:
    with request_facts.kept():
        assert request_facts.once("one", lambda: 1) == 1
        assert request_facts.once("two", lambda: 2) == 2
