"""A nearly valid request gets one valid envelope, and an event only on success."""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from specify_cli import bootstrap
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from tests.fuzz.nearly_right import nearly_right, valid
from tests.fuzz.requests_and_answers import EXAMPLES, MEMORY, check_answer, check_project
from tests.integration.stage import Stage

FEW = 25
NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def project() -> Iterator[Stage]:
    """A project that all examples share, each with the state that the previous one left."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        made = Stage(root=Path(folder) / "project")
        made.make_repository()
        made.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}, "WP03": {}})
        yield made


@functools.cache
def dispatcher(root: Path) -> Dispatcher:
    return bootstrap.dispatcher(root)


def test_the_initial_requests_cover_all_ten_commands() -> None:
    assert len({body["command"] for body in valid()}) >= 10


@settings(
    max_examples=EXAMPLES or FEW,
    derandomize=not EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raws=st.lists(nearly_right(), min_size=1, max_size=6))
def test_a_mutated_request_gets_one_envelope_and_an_event_only_on_success(
    project: Stage, raws: list[bytes]
) -> None:
    for raw in raws:
        before = len(project.events())
        # Every request has a new id, so that it is decided and not answered from the journal.
        stem = f"id-{next(NUMBERS)}"
        asked = raw.replace(b'"id"', f'"{stem}"'.encode())
        answer = dispatcher(project.root).answer_bytes(asked, stem=stem, identity="default")
        check_answer(project, answer, stem=stem)
        grown = len(project.events()) - before
        assert answer.envelope["success"] or grown == 0
        again = dispatcher(project.root).answer_bytes(asked, stem=stem, identity="default")
        assert (again.reply, again.is_repeat) == (answer.reply, True)
        assert len(project.events()) - before == grown
    check_project(project)
