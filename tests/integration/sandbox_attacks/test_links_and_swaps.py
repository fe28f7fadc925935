"""Former attacks by links, swapped folders and occupied paths, tried on the whole cycle of the host."""

from __future__ import annotations

import pytest

from tests.integration.sandbox.workspaces import TREES
from tests.integration.sandbox_attacks.agents import (
    LATER,
    beside,
    commit_as_user,
    evil,
    of_its_orchestrator,
)
from tests.integration.sandbox_attacks.world import SLUG, World

pytestmark = pytest.mark.usefixtures("told")


def test_swapping_a_folder_for_a_link_to_the_hooks_plants_no_hook(world: World) -> None:
    hooks = world.stage.root / ".git" / "hooks"
    world.inside(
        f"{evil(world)} >docs/pre-commit; chmod +x docs/pre-commit; git add .; git commit -q -m hook"
    )
    swapping = (
        f"echo begun; while :; do mv docs was; ln -s {hooks} docs; rm docs; mv was docs; done"
    )
    with world.unharmed():
        with beside(world.start(swapping)):
            outcome = world.cycle()
        commit_as_user(world)
    assert outcome


@pytest.mark.campaign
def test_swapping_a_folder_of_a_workspace_being_filled_plants_no_hook(world: World) -> None:
    """Agents that can write all workspaces cannot reach one that is being made."""
    hooks = world.stage.root / ".git" / "hooks"
    world.stage.write_mission({"WP01": {}}, slug=LATER)
    # So many files that writing them takes a while.
    program = f"#!/bin/sh\necho ran >{world.tripwire}\n"
    world.stage.commit({f"docs/{name}": program for name in ("pre-commit", *map(str, range(300)))})
    swapping = f"""
        cd {TREES}; echo begun
        while :; do
            for docs in .making/*/workspace/docs .trash/*/docs; do
                mv $docs $docs.was && ln -s {hooks} $docs || true
            done 2>/dev/null
        done
    """
    process = of_its_orchestrator(world, swapping)
    with world.unharmed(), beside(process):
        made = world.ask("start-implementation", mission=LATER, wp="WP01", actor="coder")
        assert made["success"], made
        assert world.cycle()
        commit_as_user(world)


@pytest.mark.campaign
def test_index_linked_to_a_user_file_does_not_change_it(world: World) -> None:
    startup = world.root / "profile"
    startup.write_text("# mine\n")
    world.inside(
        f"rm .git/index; ln -s {startup} .git/index; ln -s {startup} .git/index.lock; echo x >a.txt"
    )
    with world.unharmed():
        assert world.cycle().startswith("taken, next started, ")
    assert startup.read_text() == "# mine\n"


@pytest.mark.campaign
def test_predictable_file_names_linked_to_the_journal_do_not_change_it(world: World) -> None:
    journal = world.stage.root / ".kitty" / "outbox" / "journal.jsonl"
    before = journal.read_bytes()
    names = [
        *(
            "index.lock",
            "HEAD.lock",
            "config.lock",
            "packed-refs.lock",
            "packed-refs.new",
            "shallow.lock",
        ),
        *(
            "FETCH_HEAD",
            "ORIG_HEAD",
            "MERGE_HEAD",
            "gc.pid",
            "objects/maintenance.lock",
            "index.tmp",
        ),
        *("spec-kitty-filling", "spec-kitty.tmp", f"refs/heads/{world.lane}.lock", "gitdir.lock"),
    ]
    places = (
        " ".join(f".git/{name}" for name in names) + " .tmp .gitignore .gitattributes.tmp a.txt.tmp"
    )
    world.inside(f"for place in {places}; do ln -sf {journal} $place; done")
    with world.unharmed():
        assert world.cycle()
    assert journal.read_bytes().startswith(before)


@pytest.mark.campaign
def test_links_below_worktrees_to_the_journal_do_not_change_it(world: World) -> None:
    journal = world.stage.root / ".kitty" / "outbox" / "journal.jsonl"
    world.stage.write_mission({"WP01": {}}, slug=LATER)
    before = journal.read_bytes()
    names = f".gitignore .gitignore.tmp .tmp {LATER}-lane-a.tmp"
    planting = (
        f"cd {TREES}; for it in {names}; do ln -sf {journal} $it; done; echo begun; sleep 999"
    )
    with world.unharmed():
        with beside(of_its_orchestrator(world, planting)):
            world.ask("start-implementation", mission=LATER, wp="WP01", actor="coder")
        assert world.cycle()
    assert journal.read_bytes().startswith(before)


@pytest.mark.campaign
@pytest.mark.parametrize(
    "kind", ["ln -s {secret}", "ln -s {hooks}", "ln -s {victim}", "mkfifo", "mkdir"]
)
def test_start_is_refused_if_an_agent_occupies_the_path_of_the_workspace(
    world: World, kind: str
) -> None:
    world.stage.write_mission({"WP01": {}}, slug=LATER)
    hooks = world.stage.root / ".git" / "hooks"
    make = kind.format(secret=world.secret, hooks=hooks, victim=world.victim)
    planting = f"{make} {TREES}/{LATER}-lane-a; echo begun; sleep 999"
    with world.unharmed(), beside(of_its_orchestrator(world, planting)):
        begun = world.ask("start-implementation", mission=LATER, wp="WP01", actor="coder")
        assert begun["error_code"] == "LANE_ALLOCATION_FAILED", begun
        assert world.cycle() == "taken, next started, merged"


@pytest.mark.campaign
@pytest.mark.parametrize(
    "kind", ["ln -s {project}", "ln -s {victim}", "mkfifo", "mkdir", "cp -r was"]
)
def test_workspace_replaced_by_something_else_is_not_taken_in(world: World, kind: str) -> None:
    make = kind.format(project=world.stage.root, victim=world.victim)
    planting = f"cd {TREES}; mv {SLUG}-lane-a was; {make} {SLUG}-lane-a; echo begun; sleep 999"
    with world.unharmed(), beside(of_its_orchestrator(world, planting)):
        assert not world.cycle().startswith("taken")
