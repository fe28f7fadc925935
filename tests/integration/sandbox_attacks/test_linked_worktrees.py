"""Former attacks in the form in which they succeeded on linked worktrees, tried on the whole cycle of the host."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.integration.sandbox.workspaces import TREES
from tests.integration.sandbox_attacks.agents import LATER, beside, evil, of_its_orchestrator
from tests.integration.sandbox_attacks.world import SLUG, World
from tests.patience import LONGEST_S

pytestmark = [pytest.mark.campaign, pytest.mark.usefixtures("told")]


def test_index_linked_to_a_missing_user_file_does_not_create_it(world: World) -> None:
    """There is no index.lock, at which git would stop."""
    startup = world.root / "profile"
    world.inside(f"rm .git/index; ln -s {startup} .git/index; touch .git/spec-kitty-filling")
    with world.unharmed():
        world.ask("start-implementation", wp="WP01", actor="coder")
        assert world.cycle()
    assert not os.path.lexists(startup)


def test_gitignore_draft_linked_to_the_journal_does_not_change_it(world: World) -> None:
    """The host writes .gitignore again, and the agent has linked its temporary file."""
    journal = world.stage.root / ".kitty" / "outbox" / "journal.jsonl"
    world.stage.write_mission({"WP01": {}}, slug=LATER)
    before = journal.read_bytes()
    planting = (
        f"cd {TREES}; rm -f .gitignore; ln -s {journal} .gitignore.tmp; echo begun; sleep 999"
    )
    with world.unharmed():
        with beside(of_its_orchestrator(world, planting)):
            world.ask("start-implementation", mission=LATER, wp="WP01", actor="coder")
        assert world.cycle()
    assert journal.read_bytes().startswith(before)


def test_lane_branch_that_becomes_a_symbolic_ref_does_not_move_main(
    world: World,
) -> None:
    main = world.stage.git("rev-parse", "main")
    ref = f".git/refs/heads/{world.lane}"
    swapping = f"""
        git update-ref refs/heads/main HEAD; git rev-parse HEAD >.git/plain
        echo 'ref: refs/heads/main' >.git/sym; echo begun
        while :; do cp .git/sym .git/d; mv .git/d {ref}; cp .git/plain .git/d; mv .git/d {ref}; done
    """
    with world.unharmed(), beside(world.start(swapping)):
        for _ in range(3):
            world.ask("transition", wp="WP01", actor="coder", to="for_review")
            world.ask("start-implementation", wp="WP02", actor="coder")
    assert world.stage.git("rev-parse", "main") == main
    assert world.stage.git("for-each-ref", "--format=%(symref)", "refs/heads").strip() == ""


def test_planted_branch_of_a_mission_that_was_not_started_is_not_used(world: World) -> None:
    world.stage.write_mission({"WP01": {"owned_files": ["one/**"]}}, slug=LATER)
    main = world.stage.git("rev-parse", "main")
    world.inside(
        f"""
        export GIT_INDEX_FILE=.git/planted; git read-tree HEAD; echo evil >evil.txt
        git add evil.txt; evil=$(git commit-tree -m evil -p HEAD $(git write-tree)); rm evil.txt
        for it in {LATER} {LATER}-lane-a; do git update-ref refs/heads/kitty/mission-$it $evil; done
        """
    )
    with world.unharmed():
        assert world.submit() == "taken"
        begun = world.ask("start-implementation", mission=LATER, wp="WP01", actor="coder")
    assert begun["success"], begun
    assert not Path(begun["data"]["workspace_path"], "evil.txt").exists()
    assert world.stage.git("rev-parse", f"kitty/mission-{LATER}") == main


@pytest.mark.parametrize("mark", ["", "touch .git/spec-kitty-at-work"])
def test_locks_that_a_user_takes_meanwhile_are_not_removed(world: World, mark: str) -> None:
    """The locks are newer than the mark of the host's start."""
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    world.inside(
        f"mkdir .git/worktrees; ln -s {elsewhere} .git/worktrees/x; ln -s {elsewhere} .git/modules; {mark}"
    )
    locks = ["HEAD.lock", "config.lock", "index.lock"]
    for name in locks:
        (elsewhere / name).write_text("held\n")
    lost, is_over = list[str](), threading.Event()

    def take() -> None:
        while not is_over.wait(0.002):
            lost.extend(name for name in locks if not (elsewhere / name).exists())
            for name in locks:
                (elsewhere / name).touch()

    user = threading.Thread(target=take)
    user.start()
    try:
        with world.unharmed():
            assert world.cycle()
    finally:
        is_over.set()
        user.join(LONGEST_S)
    assert lost == []


def test_one_blob_swapped_after_approval_is_not_merged(world: World) -> None:
    """All other objects are intact, so that git does not refuse them."""
    with world.unharmed():
        assert world.submit() == "taken"
        world.inside(
            """
            file() { echo .git/objects/$(echo $1 | sed 's,^..,&/,'); }
            theirs=$(file $(git rev-parse HEAD:loose.txt)); test -f $theirs
            cp $(file $(echo evil | git hash-object -w --stdin)) .git/n; mv -f .git/n $theirs
            """
        )
        world.ask("start-implementation", wp="WP02", actor="coder")
        world.ask("transition", wp="WP02", actor="coder", to="canceled", note="n")
        assert world.ask("accept-mission", actor="coder")["success"]
        assert world.ask("merge-mission", actor="coder")["success"]
    assert world.stage.git("show", "main:loose.txt") == "loose"


def test_filter_of_a_workspace_put_back_during_its_removal_does_not_run(world: World) -> None:
    root = f"{world.stage.root}/.worktrees"
    world.inside(
        f"""
        {evil(world)} >run; chmod +x run; cp -r .git forged
        for key in filter.evil.clean filter.evil.smudge filter.evil.process core.fsmonitor; do
            git config -f forged/config $key {root}/{SLUG}-lane-a/run
        done
        mkdir -p forged/info; echo '* filter=evil' >forged/info/attributes
        echo {root}/{SLUG}-lane-a/forged >.git/commondir; echo run >.git/info/exclude
        """
    )
    putting = f"""
        cd {TREES}; echo begun
        while :; do
            for it in .trash/* .removed-{SLUG}-lane-a; do mv -T $it {SLUG}-lane-a || true; done 2>/dev/null
        done
    """
    with world.unharmed(), beside(of_its_orchestrator(world, putting)):
        assert world.cycle()
