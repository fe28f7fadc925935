"""The orchestrator API, the mailbox and the commands for people make the same decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.campaign import sampled
from tests.integration.interfaces.decisions import (
    INTERFACES,
    OTHER,
    PACKAGE,
    Intent,
    Project,
    line,
    standing,
)
from tests.integration.stage import Stage

pytestmark = pytest.mark.long

LANES = (
    "planned",
    "claimed",
    "in_progress",
    "for_review",
    "in_review",
    "approved",
    "done",
    "blocked",
    "canceled",
)
# The status lanes whose guards look at the workspace, its branch, or the subtasks.
SEEN = ("in_progress", "for_review")
SENT_BACK: dict[str, Any] = {"reviewer": "ada", "verdict": "changes_requested", "reference": "r"}
PASSED = SENT_BACK | {"verdict": "approved"}
GIVEN: Mapping[str, tuple[list[str], dict[str, Any]]] = {
    "nothing": ([], {}),
    "a note": (["--note", "why"], {"note": "why"}),
    "a blank note": (["--note", " "], {"note": " "}),
    "a review reference": (["--review-ref", "r"], {"review_ref": "r"}),
    "force": (["--force"], {"force": True}),
    "force with a note": (["--force", "--note", "why"], {"force": True, "note": "why"}),
}


def moves(wp_id: str, to: str) -> Iterator[Intent]:
    """The transition with each combination of options."""
    for words, args in GIVEN.values():
        if to == "canceled" and not args.get("note", "").strip():
            # A person has to give the note; an orchestrator may add it later.
            continue
        request = ("transition", {"wp": wp_id, "to": to, **args})
        yield Intent(words=["move", wp_id, to, *words], requests=[request])


def takes(wp_id: str, actor: str) -> Iterator[Intent]:
    """The commands by which the actor takes a package to its approval."""
    begin = ("start-implementation", {"wp": wp_id})
    word = {"subtasks_complete": True, "implementation_evidence_present": True}
    submit = ("transition", {"wp": wp_id, "to": "for_review", **word})
    claim = ("start-review", {"wp": wp_id})
    approve = ("transition", {"wp": wp_id, "to": "approved", "review_result": PASSED})
    back = {"wp": wp_id, "to": "in_progress", "review_result": SENT_BACK, "note": "why"}
    yield Intent(words=["implement", wp_id], requests=[begin], actor=actor)
    yield Intent(words=["implement", wp_id, "--done"], requests=[submit], actor=actor)
    yield Intent(words=["review", wp_id, "--approve"], requests=[claim, approve], actor=actor)
    yield Intent(
        words=["review", wp_id, "--request-changes", "--note", "why"],
        requests=[claim, ("transition", back)],
        actor=actor,
    )


ENDINGS = [
    Intent(words=["accept"], requests=[("accept-mission", {})]),
    *(
        Intent(words=["merge", *words], requests=[("merge-mission", args)])
        for words, args in (
            (["--strategy", "octopus"], {"strategy": "octopus"}),
            (["--target", "nowhere"], {"target": "nowhere"}),
            ([], {}),
        )
    ),
]


@pytest.fixture
def projects(tmp_path: Path) -> Iterator[dict[str, Project]]:
    """An identical project for each interface; WP01 has no work, and WP02 depends on it."""
    made = {}
    for name, way in INTERFACES.items():
        stage = Stage(root=tmp_path / name)
        stage.make_repository()
        stage.write_mission(
            {
                PACKAGE: {"subtasks": ["T001"], "owned_files": ["one/**"]},
                OTHER: {"dependencies": [PACKAGE], "owned_files": ["two/**"]},
            }
        )
        made[name] = Project(stage=stage, way=way)
    yield made
    for project in made.values():
        project.stage.end()


@pytest.fixture
def worked(projects: dict[str, Project]) -> dict[str, Project]:
    """The same with work committed in the workspace of WP01, and its subtask done."""
    for project in projects.values():
        place = project.stage.done(
            "start-implementation", mission="001-search", wp=PACKAGE, actor="ada"
        )
        project.stage.commit({"one/a": "1\n"}, folder=Path(place["workspace_path"]))
        base = {"from_lane": "planned", "to_lane": "in_progress", "actor": "ada"}
        project.given = line(PACKAGE, lane_base_ref=place["lane_base_ref"], **base) + line(
            PACKAGE, kind="annotation", actor="ada", delta={"subtasks": {"T001": "done"}}
        )
    return projects


def check(projects: Mapping[str, Project], intent: Intent, lane: str) -> str | None:
    """The code that all interfaces agree on."""
    decisions = {name: project.decide(intent, lane) for name, project in projects.items()}
    assert len({repr(decision) for decision in decisions.values()}) == 1, (intent, lane, decisions)
    return decisions["people"].code


@pytest.mark.parametrize("lane", sampled(LANES, every=5))
def test_every_transition_is_decided_alike(lane: str, projects: dict[str, Project]):
    codes = {check(projects, intent, lane) for to in LANES for intent in moves(PACKAGE, to)}

    assert codes == {None, "TRANSITION_REJECTED"}


@pytest.mark.parametrize("lane", sampled(LANES, every=5))
def test_every_transition_of_a_package_with_work_is_decided_alike(
    lane: str, worked: dict[str, Project]
):
    codes = {check(worked, intent, lane) for to in SEEN for intent in moves(PACKAGE, to)}

    assert codes == {None, "TRANSITION_REJECTED"}


@pytest.mark.parametrize("actor", ["ada", "bob"])
@pytest.mark.parametrize("lane", sampled(LANES, every=5))
def test_every_command_for_people_is_decided_alike_for_each_actor(
    lane: str, actor: str, worked: dict[str, Project]
):
    for intent in takes(PACKAGE, actor):
        if "--done" in intent.words and (lane, actor) == ("in_progress", "bob"):
            # Without --actor, bob would be recorded as the implementer; 'move' decides as before.
            assert worked["people"].decide(intent, lane).code == "WP_ALREADY_CLAIMED"
        else:
            check(worked, intent, lane)


@pytest.mark.parametrize("lane", sampled(LANES, every=5))
def test_package_with_open_dependencies_is_decided_alike(lane: str, projects: dict[str, Project]):
    intents = [*takes(OTHER, "ada"), *moves(OTHER, "claimed"), *moves(OTHER, "in_progress")]
    codes = [check(projects, intent, lane) for intent in intents]

    is_waiting = lane not in ("approved", "done")
    assert ("DEPENDENCIES_NOT_SATISFIED" in codes) == is_waiting


@pytest.mark.parametrize("lane", sampled(LANES, every=5))
def test_accept_and_merge_are_decided_alike(lane: str, worked: dict[str, Project]):
    for project in worked.values():
        project.given += standing(OTHER, "canceled")

    for intent in ENDINGS:
        check(worked, intent, lane)


def test_invalid_names_are_decided_alike(projects: dict[str, Project]):
    for wp_id in ("WP99", "WP", "../WP01", "w" * 300):
        for intent in (*takes(wp_id, "ada"), *moves(wp_id, "claimed")):
            assert check(projects, intent, "planned") in ("WP_NOT_FOUND", "TRANSITION_REJECTED")
    for lane in ("nowhere", "Doing ", ""):
        for intent in moves(PACKAGE, lane):
            check(projects, intent, "planned")
