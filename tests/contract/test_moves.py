"""The whole table of transitions: each of the 81 pairs, bare, with everything supplied, and forced.

What is expected comes from the contract's `lanes.json` alone. A package is brought into its lane by
lines in the event log, as a host finds it in a project that was there before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from specify_cli.conformance.compare import envelope_of
from specify_cli.conformance.documents import CONTRACT
from specify_cli.conformance.interfaces import Interface
from specify_cli.conformance.requests import Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects, commit_all
from tests.campaign import sampled
from tests.contract.interfaces import CommandLine, Mailbox
from tests.contract.recorded import POLICY, REVIEW
from tests.records import forget, forget_journal

TABLE = CONTRACT.read("lanes")
LANES: list[str] = TABLE["lanes"]
PAIRS = list(product(LANES, LANES))
GUARDS: dict[tuple[str, str], str] = {
    (move["from"], move["to"]): move["guard"] for move in TABLE["moves"]
}
# The guards that a request meets by naming an actor, as each does, in a project without work.
MET_BY_AN_ACTOR = {"actor", "review_claim", "none", "not_begun"}
MISSION, PACKAGE, ACTOR = "001-single", "WP01", "ada"
INTERFACES: dict[str, Interface] = {"cli": CommandLine(), "mailbox": Mailbox()}
SUPPLIED = {
    "note": "because",
    "review_ref": "review-1",
    "review_result": REVIEW,
    "evidence": {"review": REVIEW},
}
FORCED = {"force": True, "note": "because"}
WAYS: dict[str, dict[str, Any]] = {"bare": {}, "supplied": SUPPLIED, "forced": FORCED}


@dataclass(frozen=True, slots=True)
class Board:
    """A project whose only package can be put into any lane."""

    root: Path
    before: bytes

    @property
    def log(self) -> Path:
        return self.root / "kitty-specs" / MISSION / "status.events.jsonl"

    def put(self, lane: str) -> bytes:
        """Put the package into the lane; return the bytes of the log."""
        forget(self.root)
        forget_journal(self.root)
        self.log.write_bytes(self.before + _line("planned", lane, force=True))
        return self.log.read_bytes()

    def move(self, to: str, interface: Interface, **args: Any) -> dict[str, Any]:
        """The envelope that answers a transition."""
        named = {"mission": MISSION, "wp": PACKAGE, "to": to, "actor": ACTOR}
        policy = POLICY if to in TABLE["policy_required"] else None
        ask = Request(
            command="transition", args=named | args, policy=policy, correlation_id=fresh_id()
        )
        return envelope_of(interface.send(self.root, ask).raw)


@pytest.fixture(scope="module")
def untouched(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The package has no worktree, no branch and no finished subtask."""
    return Board(scratch.project("single", tmp_path_factory.mktemp("untouched") / "project"), b"")


@pytest.fixture(scope="module")
def forced_upon(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """A separate project for forced transitions, because they leave traces."""
    return Board(scratch.project("single", tmp_path_factory.mktemp("forced") / "project"), b"")


@pytest.fixture(scope="module")
def worked(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> Board:
    """The package has a worktree with work committed in it, and its subtasks are done."""
    return _worked(scratch, tmp_path_factory.mktemp("worked") / "project")


def _worked(scratch: ScratchProjects, folder: Path) -> Board:
    root = scratch.project("single", folder)
    start = Request(
        command="start-implementation",
        args={"mission": MISSION, "wp": PACKAGE, "actor": ACTOR},
        policy=POLICY,
        correlation_id=fresh_id(),
    )
    place = envelope_of(CommandLine().send(root, start).raw)["data"]
    workspace = Path(place["workspace_path"])
    (workspace / "work.txt").write_text("done\n")
    commit_all(workspace, "work")
    ticks = {"subtasks": {"T001": "done", "T002": "done"}}
    lines = _line("claimed", "in_progress", lane_base_ref=place["lane_base_ref"]) + _line(
        kind="annotation", delta=ticks
    )
    return Board(root, lines)


@pytest.fixture
def board(
    origin: str,
    to: str,
    way: str,
    request: pytest.FixtureRequest,
    scratch: ScratchProjects,
    tmp_path: Path,
) -> Board:
    if way == "supplied" and to == "in_progress" and (origin, to) in GUARDS:
        # A restart of work sets aside existing work, so no other test may use this project.
        return _worked(scratch, tmp_path / "project")
    if GUARDS.get((origin, to)) == "not_begun":
        way = {"supplied": "bare"}.get(way, way)
    projects = {"bare": "untouched", "supplied": "worked", "forced": "forced_upon"}
    made: Board = request.getfixturevalue(projects[way])
    return made


def _line(from_lane: str | None = None, to_lane: str | None = None, **more: Any) -> bytes:
    """A line of an event log as hosts of other versions write it."""
    head = {"event_id": "01JA0000000000000000000001", "at": "2026-01-05T09:01:00+00:00"}
    lanes = {"from_lane": from_lane, "to_lane": to_lane} if to_lane else {}
    line = head | {"actor": ACTOR, "mission_slug": MISSION, "wp_id": PACKAGE} | lanes | more
    return json.dumps(line).encode() + b"\n"


def refusing_guard(origin: str, to: str, way: str) -> str | None:
    """The guard that refuses the transition by the contract, or None if it is accepted."""
    guard = GUARDS.get((origin, to), "edge")
    if way == "forced":
        return None
    if guard == "edge":
        return guard
    return None if way == "supplied" or guard in MET_BY_AN_ACTOR else guard


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("origin", "to"), PAIRS)
def test_transition_follows_the_table(origin: str, to: str, way: str, board: Board) -> None:
    check_move(board, origin, to, way=way, interface="cli")


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("origin", "to"), sampled(PAIRS, every=3))
def test_transition_through_a_mailbox_follows_the_table(
    origin: str, to: str, way: str, board: Board
) -> None:
    check_move(board, origin, to, way=way, interface="mailbox")


def check_move(board: Board, origin: str, to: str, *, way: str, interface: str) -> None:
    """Check one transition of a package in the status lane `origin`."""
    before = board.put(origin)
    envelope = board.move(to, INTERFACES[interface], **WAYS[way])
    guard = refusing_guard(origin, to, way)
    added = [json.loads(line) for line in board.log.read_bytes()[len(before) :].splitlines()]
    if guard is None:
        assert envelope["success"], envelope["data"]
        [event] = added
        assert (event["from_lane"], event["to_lane"]) == (origin, to)
        assert event["force"] is (way == "forced")
    else:
        assert envelope["error_code"] == "TRANSITION_REJECTED"
        named = {key: envelope["data"][key] for key in ("from_lane", "to_lane", "guard")}
        assert named == {"from_lane": origin, "to_lane": to, "guard": guard}
        assert added == []


@pytest.mark.parametrize("interface", INTERFACES)
@pytest.mark.parametrize(("origin", "to"), [("planned", "claimed"), ("done", "planned")])
@pytest.mark.parametrize("note", [None, "  "])
def test_force_without_a_note_is_refused(
    origin: str, to: str, note: str | None, interface: str, untouched: Board
) -> None:
    before = untouched.put(origin)
    envelope = untouched.move(to, INTERFACES[interface], force=True, note=note)
    assert envelope["error_code"] == "TRANSITION_REJECTED"
    assert envelope["data"]["guard"] == "force_note"
    assert untouched.log.read_bytes() == before


def test_table_has_81_pairs() -> None:
    assert len(set(PAIRS)) == 81
