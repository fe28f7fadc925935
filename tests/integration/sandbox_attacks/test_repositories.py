"""Former attacks by refs, objects and settings of a repository, tried on the whole cycle of the host."""

from __future__ import annotations

import socket

import pytest

from tests.integration.intake.workspaces import git
from tests.integration.sandbox_attacks.agents import (
    evil,
)
from tests.integration.sandbox_attacks.world import SLUG, World
from tests.integration.stage import APPROVED
from tests.large_files import needs_git_lfs

pytestmark = pytest.mark.usefixtures("told")


@pytest.mark.campaign
def test_filter_in_a_forged_commondir_does_not_run(world: World) -> None:
    world.inside(
        f"""
        mkdir forged; cp -r .git/objects .git/refs .git/HEAD forged/
        {evil(world)} >run; chmod +x run
        git config -f forged/config filter.evil.clean $PWD/run
        git config -f forged/config filter.evil.smudge $PWD/run
        git config -f forged/config core.fsmonitor $PWD/run
        echo '* filter=evil' >.gitattributes
        echo $PWD/forged >.git/commondir
        echo more >>a.txt
        """
    )
    with world.unharmed():
        assert world.cycle()


def test_lane_branch_that_is_a_symbolic_ref_does_not_move_main(world: World) -> None:
    main = world.stage.git("rev-parse", "main")
    world.inside(
        f"""
        git update-ref refs/heads/main HEAD
        git symbolic-ref refs/heads/{world.lane} refs/heads/main
        echo sym >sym.txt; git add .; git commit -q -m sym
        """
    )
    with world.unharmed():
        assert world.submit() == "taken"
    assert world.stage.git("rev-parse", "main") == main
    assert world.stage.git("for-each-ref", "--format=%(symref)", "refs/heads").strip() == ""


@pytest.mark.campaign
def test_planted_branches_with_names_of_the_host_are_not_taken_in(world: World) -> None:
    main = world.stage.git("rev-parse", "main")
    world.inside(
        f"""
        evil=$(git commit-tree -m evil -p HEAD HEAD^{{tree}})
        for ref in heads/main heads/kitty/mission-{SLUG} heads/kitty/mission-{SLUG}-lane-b \\
            heads/kitty/mission-{SLUG}-lane-z spec-kitty/origin/{SLUG} spec-kitty/set-aside/WP01 \\
            replace/{main} tags/v1 remotes/origin/main; do git update-ref refs/$ref $evil; done
        """
    )
    with world.unharmed():
        assert world.submit() == "taken"
    assert not world.has(git(world.workspace, "rev-parse", "refs/heads/main"))
    assert world.stage.git("rev-parse", "main") == main


@pytest.mark.campaign
def test_linked_worktree_registration_does_not_remove_locks_elsewhere(world: World) -> None:
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    locks = ["HEAD.lock", "config.lock", "index.lock"]
    for name in locks:
        (elsewhere / name).write_text("held\n")
    world.inside(
        f"""
        mkdir .git/worktrees; ln -s {elsewhere} .git/worktrees/x; ln -s {elsewhere} .git/modules
        rm -rf .git/logs; ln -s {elsewhere} .git/logs; ln -s {elsewhere} locks
        """
    )
    with world.unharmed():
        assert world.cycle()
    assert sorted(it.name for it in elsewhere.iterdir()) == locks


def test_objects_swapped_after_approval_are_not_merged(world: World) -> None:
    with world.unharmed():
        assert world.submit() == "taken"
        approved = world.stage.git("rev-parse", world.lane)
        world.inside(
            f"""
            evil=$(echo evil | git hash-object -w --stdin)
            file=.git/objects/$(echo $evil | sed 's,^..,&/,')
            find .git/objects -type f ! -path $file | while read it; do
                chmod u+w $it; cat $file >$it
            done
            {evil(world)} >.git/hooks/post-update; chmod +x .git/hooks/post-update
            """
        )
        world.ask("start-implementation", wp="WP02", actor="coder")
        world.ask("transition", wp="WP02", actor="coder", to="canceled", note="n")
        assert world.ask("accept-mission", actor="coder")["success"]
        assert world.ask("merge-mission", actor="coder")["success"]
    assert world.stage.git("show", "main:loose.txt") == "loose"
    assert approved in world.stage.git("log", "--format=%H", "main").split()


@pytest.mark.campaign
def test_branch_reset_after_approval_does_not_change_the_merge(world: World) -> None:
    with world.unharmed():
        assert world.submit() == "taken"
        approved = world.stage.git("rev-parse", world.lane)
        world.inside(
            "git reset -q --hard main; echo evil >evil.txt; git add .; git commit -q -m evil"
        )
        world.ask("transition", wp="WP02", actor="coder", to="canceled", note="n", force=True)
        assert world.ask("accept-mission", actor="coder")["success"]
        world.ask("merge-mission", actor="coder")
    assert world.stage.git("rev-parse", world.lane) == approved or approved in world.stage.git(
        "log", "--format=%H", "main"
    )
    assert "evil.txt" not in world.stage.git("ls-tree", "--name-only", "main")


@pytest.mark.campaign
@pytest.mark.parametrize("way", ["alternates", "http-alternates", "commondir", "a linked folder"])
def test_another_repository_is_not_taken_in_through_links_or_alternates(
    world: World, way: str
) -> None:
    theirs = git(world.victim, "rev-parse", "HEAD")
    objects = f"{world.victim}/.git/objects"
    plant = {
        "alternates": f"echo {objects} >.git/objects/info/alternates",
        "http-alternates": f"echo {objects} >.git/objects/info/http-alternates",
        "commondir": f"echo {world.victim}/.git >.git/commondir",
        "a linked folder": f"rm -rf .git/objects/{theirs[:2]};"
        f" ln -s {objects}/{theirs[:2]} .git/objects/{theirs[:2]}",
    }[way]
    world.inside(f"echo {theirs} >.git/refs/heads/{world.lane}; {plant}")
    with world.unharmed():
        assert not world.cycle().startswith("taken")


@pytest.mark.campaign
def test_approval_names_the_submitted_commit(world: World) -> None:
    with world.unharmed():
        world.done("transition", wp="WP01", actor="coder", to="for_review")
        submitted = world.stage.git("rev-parse", world.lane)
        world.inside("echo later >later.txt; git add .; git commit -q -m later")
        world.done("start-review", wp="WP01", actor="reviewer")
        judged = {"to": "approved", "review_result": APPROVED}
        told = world.ask("transition", wp="WP01", actor="reviewer", **judged)
    assert told["data"]["commits_not_included"] is not None
    state = world.ask("mission-state")["data"]["work_packages"][0]
    assert state["commit"] == submitted


@needs_git_lfs
def test_lfs_server_named_by_the_agent_is_not_contacted(world: World) -> None:
    """The agent configures a server; its pointer has a version that intake does not recognize."""
    world.stage.git("lfs", "install", "--local", "--skip-repo")
    pointer = f"version https://hawser.github.com/spec/v1\\noid sha256:{'a' * 64}\\nsize 5\\n"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/stolen"
        world.inside(
            f"""
            printf '[lfs]\\n\\turl = {url}\\n' >.lfsconfig; printf '{pointer}' >x.bin
            git config filter.lfs.required false; git config filter.lfs.process cat
            git add .; echo '*.bin filter=lfs' >.gitattributes
            git add .gitattributes; git commit -q -m lfs; git switch -q -c other
            """
        )
        with world.unharmed():
            assert world.submit() == "taken"
            # The workspace is on another branch, so it is made again.
            world.done("start-implementation", wp="WP02", actor="coder")
        with pytest.raises(BlockingIOError):
            server.accept()


def test_submitted_commit_survives_rewriting_the_branch(world: World) -> None:
    with world.unharmed():
        world.done("transition", wp="WP01", actor="coder", to="for_review")
        first = world.stage.git("rev-parse", world.lane)
        for again in ("one", "two"):
            again_at_work = {"to": "in_progress", "note": "again", "force": True}
            world.done("transition", wp="WP01", actor="coder", **again_at_work)
            world.inside(
                f"git reset -q --hard HEAD~; echo x >{again}; git add .; git commit -q -m x"
            )
            world.done("transition", wp="WP01", actor="coder", to="for_review")
    world.stage.git("reflog", "expire", "--expire=now", "--all")
    world.stage.git("gc", "-q", "--prune=now")
    assert world.has(first)
