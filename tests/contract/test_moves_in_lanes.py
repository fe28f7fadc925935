"""The whole table of transitions while another package occupies the execution lane, and with recorded commits."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from specify_cli.conformance.compare import envelope_of
from specify_cli.conformance.requests import Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects, commit_all
from tests.campaign import sampled
from tests.contract.interfaces import CommandLine
from tests.contract.recorded import POLICY
from tests.contract.test_moves import (
    ACTOR,
    FORCED,
    GUARDS,
    INTERFACES,
    MISSION,
    PACKAGE,
    PAIRS,
    SUPPLIED,
    Board,
    refusing_guard,
)

pytestmark = pytest.mark.long

OCCUPYING = {"claimed", "in_progress", "for_review", "in_review"}
HANDED_IN = {"for_review", "approved", "done"}
WAYS: dict[str, dict[str, Any]] = {"supplied": SUPPLIED, "forced": FORCED}
MATE = "WP02"
HEAD = {"event_id": "01JA0000000000000000000001", "at": "2026-01-05T09:01:00+00:00", "actor": ACTOR}


def line(wp_id: str, **fields: Any) -> bytes:
    return json.dumps(HEAD | {"mission_slug": MISSION, "wp_id": wp_id} | fields).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A project whose package was worked on, and the commit that is submitted."""

    board: Board
    commit: str

    def put(self, lane: str) -> bytes:
        """Put the package into the lane, with its commit if the lane has one."""
        before = self.board.put(lane)
        if lane in HANDED_IN:
            *rest, last = before.splitlines(keepends=True)
            before = (
                b"".join(rest) + json.dumps(json.loads(last) | {"commit": self.commit}).encode()
            )
            before += b"\n"
            self.board.log.write_bytes(before)
        return before


def started(scratch: ScratchProjects, root: Path) -> tuple[Board, str]:
    """A package with a commit and finished subtasks."""
    root = scratch.project("single", root)
    args = {"mission": MISSION, "wp": PACKAGE, "actor": ACTOR}
    ask = Request(
        command="start-implementation", args=args, policy=POLICY, correlation_id=fresh_id()
    )
    place = envelope_of(CommandLine().send(root, ask).raw)["data"]
    workspace = Path(place["workspace_path"])
    (workspace / "work.txt").write_text("done\n")
    commit_all(workspace, "work")
    commit = scratch_head(workspace)
    lines = line(
        PACKAGE,
        from_lane="claimed",
        to_lane="in_progress",
        lane_base_ref=place["lane_base_ref"],
    ) + line(PACKAGE, kind="annotation", delta={"subtasks": {"T001": "done", "T002": "done"}})
    return Board(root, lines), commit


def scratch_head(workspace: Path) -> str:
    ref = (workspace / ".git" / "HEAD").read_text().split(": ")[1].strip()
    return (workspace / ".git" / ref).read_text().strip()


@pytest.fixture(scope="module")
def recorded(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return Recorded(*started(scratch, tmp_path_factory.mktemp("recorded") / "project"))


@pytest.fixture(scope="module")
def occupied(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The same package, and another one of its execution lane in progress."""
    board, _ = started(scratch, tmp_path_factory.mktemp("occupied") / "project")
    tasks = board.root / "kitty-specs" / MISSION / "tasks"
    [prompt] = tasks.glob(f"{PACKAGE}*.md")
    (tasks / f"{MATE}-mate.md").write_text(prompt.read_text().replace(PACKAGE, MATE))
    (board.root / "kitty-specs" / MISSION / "lanes.json").unlink()
    at_work = line(MATE, from_lane="planned", to_lane="claimed")
    return replace(board, before=board.before + at_work)


def refusing_guard_of_begun(origin: str, to: str, way: str) -> str | None:
    """As `refusing_guard`, for a package on which work has begun."""
    if way != "forced" and GUARDS.get((origin, to)) == "not_begun":
        return "not_begun"
    return refusing_guard(origin, to, way)


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("origin", "to"), sampled(PAIRS, every=7))
def test_no_transition_enters_an_occupied_execution_lane(
    origin: str, to: str, way: str, interface: str, occupied: Board
) -> None:
    before = occupied.put(origin)
    envelope = occupied.move(to, INTERFACES[interface], **WAYS[way])
    added = occupied.log.read_bytes()[len(before) :].splitlines()
    guard = refusing_guard_of_begun(origin, to, way)
    if guard is not None:
        assert envelope["data"]["guard"] == guard
        assert added == []
    elif to in OCCUPYING and origin not in OCCUPYING:
        assert envelope["error_code"] == "LANE_ALLOCATION_FAILED", envelope
        named = {key: envelope["data"][key] for key in ("reason_code", "occupied_by", "claimed_by")}
        assert named == {"reason_code": "lane_occupied", "occupied_by": MATE, "claimed_by": ACTOR}
        assert added == []
    else:
        assert envelope["success"], envelope
        assert len(added) == 1


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("origin", "to"), sampled(PAIRS, every=7))
def test_a_transition_records_the_submitted_commit(
    origin: str, to: str, way: str, interface: str, recorded: Recorded
) -> None:
    before = recorded.put(origin)
    guard = refusing_guard_of_begun(origin, to, way)
    envelope = recorded.board.move(to, INTERFACES[interface], **WAYS[way])
    added = recorded.board.log.read_bytes()[len(before) :].splitlines()
    if guard is not None:
        assert envelope["data"]["guard"] == guard
        return
    assert envelope["success"], envelope
    [event] = map(json.loads, added)
    assert event.get("commit", "no commit") == (recorded.commit if to in HANDED_IN else "no commit")
