"""What an agent committed comes into the project, or is refused and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from specify_cli.vcs import box, incoming, intake, net_content, scratch
from specify_cli.vcs.box import Box
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.intake import Bounds, IntakeRefused
from specify_cli.vcs.objects import read_objects
from specify_cli.vcs.workspace_files import odd_files
from tests.durability import SYNC_ALL, watched
from tests.integration.intake.workspaces import BRANCH, Scene, commit, git
from tests.patience import LONGEST_S

SOMEBODY = 61_013


def refusal(scene: Scene, bounds: Bounds | None = None) -> IntakeRefused:
    """Nothing came in, nothing was left behind, and nothing else changed."""
    before = scene.contents()
    with pytest.raises(IntakeRefused) as caught:
        scene.take(bounds)
    assert scene.contents() == before
    assert not any((scene.project / ".git" / scratch.FOLDER).glob("*"))
    return caught.value


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_the_commits_of_the_branch_come_in_once(tmp_path: Path, form: str) -> None:
    scene = Scene.make(tmp_path, form=form)
    tip = scene.work({"new.txt": "new\n"})
    assert scene.take() == scene.tip() == tip
    assert scene.take() == scene.tip() == tip
    git(scene.project, "fsck", "--strict")
    assert not any((scene.project / ".git" / scratch.FOLDER).iterdir())


def test_a_workspace_without_commits_of_its_own_gives_the_branch_its_base(scene: Scene) -> None:
    assert scene.take() == scene.tip() == scene.base


def test_only_the_branch_comes(scene: Scene) -> None:
    scene.work({"new.txt": "new\n"})
    git(scene.workspace, "branch", "aside")
    git(scene.workspace, "checkout", "-q", "aside")
    other = scene.work({"other.txt": "other\n"})
    git(scene.workspace, "tag", "v1")
    scene.take()
    assert not scene.has(other)
    assert git(scene.project, "for-each-ref", "--format=%(refname)").split() == [
        f"refs/heads/{BRANCH}",
        "refs/heads/main",
        f"refs/spec-kitty/placed/{BRANCH}",
    ]


def test_a_pack_of_many_objects_comes_in_whole(scene: Scene) -> None:
    tip = scene.work({f"d{n % 7}/f{n}.txt": f"{n}\n" for n in range(300)})
    assert scene.take() == tip
    assert list((scene.project / ".git/objects/pack").glob("*.idx"))
    git(scene.project, "fsck", "--strict")


def test_few_objects_come_in_without_a_pack_of_their_own(scene: Scene) -> None:
    scene.work({"new.txt": "new\n"})
    scene.take()
    assert not list((scene.project / ".git/objects/pack").iterdir())


def test_commits_that_follow_come_in_beside_those_that_came(scene: Scene) -> None:
    scene.work({"one.txt": "1\n"})
    scene.take()
    tip = scene.work({"two.txt": "2\n"})
    assert scene.take() == scene.tip() == tip


def test_a_branch_that_somebody_moved_is_not_moved_back(scene: Scene) -> None:
    scene.work({"one.txt": "1\n"})
    scene.take()
    git(scene.project, "checkout", "-q", BRANCH)
    theirs = commit(scene.project, {"theirs.txt": "t\n"})
    git(scene.project, "checkout", "-q", "main")
    ours = scene.work({"two.txt": "2\n"})
    refused = refusal(scene)
    assert refused.code == "diverged"
    assert theirs in refused.reason
    assert ours in refused.reason
    # What it advises works as printed.
    advised = refused.reason.partition(f"in {scene.workspace}: ")[2].partition("; or ")[0]
    subprocess.run(advised, shell=True, check=True, cwd=scene.workspace)
    assert scene.take() == scene.tip()


def test_what_somebody_gave_the_branch_is_not_dropped_once_the_agent_has_built_on_it(
    scene: Scene,
) -> None:
    scene.work({"one.txt": "1\n"})
    first = scene.take()
    theirs = git(scene.project, "commit-tree", "-p", first, "-m", "theirs", f"{first}^{{tree}}")
    git(scene.project, "branch", "-f", BRANCH, theirs)
    git(scene.workspace, "fetch", "-q", str(scene.project), BRANCH)
    git(scene.workspace, "reset", "-q", "--hard", theirs)
    scene.work({"two.txt": "2\n"})
    second = scene.take()
    git(scene.workspace, "reset", "-q", "--hard", first)
    scene.work({"three.txt": "3\n"})
    assert refusal(scene).code == "diverged"
    assert scene.tip() == second
    git(scene.workspace, "reset", "-q", "--hard", theirs)
    assert scene.work({"four.txt": "4\n"}) == scene.take()


def test_a_branch_that_its_agent_has_reset_is_reset(scene: Scene) -> None:
    before = git(scene.workspace, "rev-parse", "HEAD")
    scene.work({"one.txt": "1\n"})
    scene.take()
    git(scene.workspace, "reset", "-q", "--hard", "HEAD^")
    scene.take()
    assert scene.tip() == before


def test_a_branch_that_was_reset_behind_what_somebody_added_takes_nothing_away(
    scene: Scene,
) -> None:
    scene.work({"one.txt": "1\n"})
    scene.take()
    by_hand = git(scene.project, "commit-tree", "-p", BRANCH, "-m", "m", f"{BRANCH}^{{tree}}")
    git(scene.project, "update-ref", f"refs/heads/{BRANCH}", by_hand)
    git(scene.workspace, "reset", "-q", "--hard", "HEAD^")
    assert refusal(scene).code == "diverged"
    assert scene.tip() == by_hand


def test_a_history_without_the_base_is_refused_with_the_way_back(scene: Scene) -> None:
    git(scene.workspace, "checkout", "-q", "--orphan", "fresh")
    scene.work({"new.txt": "new\n"})
    git(scene.workspace, "branch", "-q", "-f", BRANCH)
    git(scene.workspace, "checkout", "-q", BRANCH)
    refused = refusal(scene)
    assert refused.code == "not_descended"
    assert f"git merge {scene.base}" in refused.reason


def test_a_missing_branch_is_refused_with_the_command_that_makes_it(scene: Scene) -> None:
    git(scene.workspace, "branch", "-m", "mine")
    refused = refusal(scene)
    assert refused.code == "no_branch"
    advised = refused.reason.partition(f"its agent makes it, in {scene.workspace}: ")[2]
    subprocess.run(advised, shell=True, check=True, cwd=scene.workspace)
    assert scene.take() == scene.base


def test_a_branch_that_is_a_symbolic_ref_in_the_project_is_not_followed(scene: Scene) -> None:
    git(scene.project, "symbolic-ref", f"refs/heads/{BRANCH}", "refs/heads/main")
    scene.work({"new.txt": "new\n"})
    before = scene.base
    with pytest.raises(GitFailed):
        scene.take()
    assert scene.base == before


def test_a_branch_that_moves_between_looking_and_moving_is_left_alone(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.work({"new.txt": "new\n"})
    scratch_moves = scratch.Scratch.move_objects

    def moved_meanwhile(made: scratch.Scratch) -> None:
        scratch_moves(made)
        git(scene.project, "branch", BRANCH, "main")

    monkeypatch.setattr(scratch.Scratch, "move_objects", moved_meanwhile)
    with pytest.raises(GitFailed):
        scene.take()
    assert scene.tip() == scene.base


# Content that git would take.


def test_a_tree_with_a_git_folder_is_refused(scene: Scene) -> None:
    blob = scene.blob()
    inner = git(scene.workspace, "mktree", data=f"100644 blob {blob}\tconfig\n".encode())
    tip = scene.plant_tree(("40000", b".git", inner))
    assert refusal(scene).code == "unreadable"
    assert not scene.has(tip)


@pytest.mark.parametrize(
    ("mode", "name"),
    [("100644", b"a\\b"), ("104755", b"setuid"), ("100644", b".git "), ("100644", b"git~1")],
)
def test_a_name_or_mode_that_git_itself_takes_or_not_is_refused(
    scene: Scene, mode: str, name: bytes
) -> None:
    scene.plant_tree((mode, name, scene.blob()))
    assert refusal(scene).code in ("bad_content", "unreadable")


def test_names_that_differ_only_in_case_are_refused_by_name(scene: Scene) -> None:
    blob = scene.blob()
    scene.plant_tree(("100644", b"README", blob), ("100644", b"readme", blob))
    refused = refusal(scene)
    assert (refused.code, refused.paths) == ("bad_content", ("readme",))


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9", "cafe\u0301"), ("CAF\u00c9", "cafe\u0301"), ("\u1e9b\u0323", "\u1e61\u0323")],
)
def test_names_that_differ_only_in_how_accents_are_written_are_refused(
    scene: Scene, one: str, other: str
) -> None:
    blob = scene.blob()
    first, second = sorted((one.encode(), other.encode()))
    scene.plant_tree(("100644", first, blob), ("100644", second, blob))
    assert refusal(scene).paths == (second.decode(),)


def test_folders_that_differ_only_in_case_are_refused_by_name(scene: Scene) -> None:
    scene.work({"docs/c.txt": "c\n", "Docs/d.txt": "d\n"})
    assert refusal(scene).paths == ("docs",)


def test_names_that_the_project_has_already_are_not_held_against_the_agent(scene: Scene) -> None:
    commit(scene.project, {"A.txt": "other\n"})
    shutil.rmtree(scene.workspace)
    scene.clone(scene.base)
    tip = scene.work({"a.txt": "changed\n"})
    assert scene.take() == tip


def test_a_rename_in_case_is_fine(scene: Scene) -> None:
    git(scene.workspace, "mv", "a.txt", "A.txt")
    tip = scene.work({})
    assert scene.take() == tip


def test_a_faulty_tree_deep_in_the_history_is_refused(scene: Scene) -> None:
    scene.plant_tree(("100644", b"a\\b", scene.blob()))
    tree = f"{scene.base}^{{tree}}"
    clean = git(scene.workspace, "commit-tree", "-p", BRANCH, "-m", "clean again", tree)
    git(scene.workspace, "update-ref", f"refs/heads/{BRANCH}", clean)
    assert refusal(scene).code == "bad_content"


def test_an_odd_submodule_url_is_refused(scene: Scene) -> None:
    url = '[submodule "x"]\n\tpath = x\n\turl = --upload-pack=touch\n'
    blob = scene.blob(url.encode())
    link = scene.base if len(scene.base) == 40 else "0" * 40
    scene.plant_tree(("100644", b".gitmodules", blob), ("160000", b"x", link))
    assert refusal(scene).code == "unreadable"


# Bounds.


def test_content_beyond_the_bound_is_refused_by_name_however_well_it_packs(scene: Scene) -> None:
    scene.work({"zeros.bin": "0" * 3_000_000})
    refused = refusal(scene, Bounds(bytes=2_000_000))
    assert (refused.code, refused.paths) == ("too_much", ("zeros.bin",))


def test_a_transfer_beyond_the_bound_is_cut_off(scene: Scene) -> None:
    (scene.workspace / "noise.bin").write_bytes(os.urandom(3_000_000))
    scene.work({})
    assert refusal(scene, Bounds(bytes=2_000_000)).code == "too_much"


def test_more_files_than_the_bound_are_refused(scene: Scene) -> None:
    scene.work({f"f{n}": "" for n in range(20)})
    assert refusal(scene, Bounds(files=10)).code == "too_much"
    assert scene.take(Bounds(files=21))


def test_a_billion_paths_made_of_few_objects_are_refused_in_time(scene: Scene) -> None:
    tree = git(scene.workspace, "mktree", data=f"100644 blob {scene.blob()}\tf\n".encode())
    for _ in range(9):
        listed = "".join(f"040000 tree {tree}\td{n}\n" for n in range(10))
        tree = git(scene.workspace, "mktree", data=listed.encode())
    scene.plant_tree(("40000", b"bomb", tree))
    assert refusal(scene).code == "too_much"


@pytest.mark.parametrize(("depth", "name"), [(30, b"n" * 200), (5_000, b"n"), (10_000, b"n")])
def test_folders_in_folders_without_end_are_refused_in_time(
    scene: Scene, depth: int, name: bytes
) -> None:
    scene.plant_depth(depth, name)
    assert refusal(scene).code in ("too_much", "unreadable")


def test_folders_that_bring_too_much_are_not_all_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def reading(git: object, oids: Sequence[str], **how: object) -> object:
        read.extend(oids)
        return read_objects(git, oids, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(net_content, "read_objects", reading)
    monkeypatch.setattr(net_content, "PORTION_BYTES", 1000)
    scene.work({f"d{folder}/f{n}": f"{folder}" for folder in range(9) for n in range(20)})
    assert refusal(scene, Bounds(files=40)).code == "too_much"
    assert len(read) < 8


def test_of_faulty_names_without_number_few_are_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incoming, "MOST_FAULTS", 3)
    monkeypatch.setattr(intake, "MOST_FAULTS", 3)
    commit(scene.project, {f"a\\{n}": "" for n in range(5)})
    shutil.rmtree(scene.workspace)
    scene.clone(scene.base)
    scene.work({"a\\old": "", "more": ""})
    assert refusal(scene).paths == ("a\\old",)
    scene.work({f"b\\{n}": "" for n in range(5)})
    assert refusal(scene).code == "too_much"


def test_to_look_at_names_takes_no_longer_than_the_deadline(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.work({"new": "", "newer": ""})
    monkeypatch.setattr(incoming, "_ENTRIES_AT_ONCE", 2)
    monkeypatch.setattr(incoming, "time_limit", lambda: 0)
    assert refusal(scene).code == "timed_out"


def test_a_name_without_end_keeps_nobody_waiting(scene: Scene) -> None:
    scene.plant_tree(("100644", b"." * 100_000 + b"x", scene.blob()))
    started = time.monotonic()
    assert scene.take()
    assert time.monotonic() - started < LONGEST_S / 2


def test_what_takes_too_long_is_ended_with_all_that_it_started(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.work({"new.txt": "new\n"})
    # The FIFO comes after the first look.
    looks: list[Callable[..., list[Path]]] = [lambda *_, **__: [], odd_files]

    def look(workspace: Path, **how: object) -> list[Path]:
        return looks.pop(0)(workspace, **how)

    monkeypatch.setattr(intake, "odd_files", look)
    (scene.git_dir / "config").unlink()
    os.mkfifo(scene.git_dir / "config")
    refused = refusal(scene, Bounds(seconds=1))
    assert refused.code == "timed_out"
    assert str(scene.git_dir / "config") in refused.reason
    deadline = time.monotonic() + LONGEST_S
    while readers_of(scene.workspace):  # Killed, and not gone yet.
        assert time.monotonic() < deadline
        time.sleep(0.01)


def readers_of(workspace: Path) -> list[str]:
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                words = (process / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(workspace / ".git") in words:
                found.append(words.decode())
    return found


def test_the_branch_points_at_nothing_that_can_be_lost(scene: Scene) -> None:
    scene.work({"new.txt": "new\n"})
    with watched() as disk:
        tip = scene.take()
    moved = disk.steps.index(f"rename {tip[2:]}")
    assert SYNC_ALL in disk.steps[moved : disk.steps.index("run git update-ref", moved)]


# Who reads.


def test_without_bubblewrap_it_works_and_says_so(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = scene.work({"new.txt": "new\n"})
    monkeypatch.setattr(intake, "box_for", lambda _: Box(is_closed=False))
    with intake.fetched(scene.repo, scene.source, bounds=Bounds()) as found:
        assert (found.tip, found.is_boxed) == (tip, False)


def test_with_bubblewrap_it_says_so(scene: Scene) -> None:
    with intake.fetched(scene.repo, scene.source, bounds=Bounds()) as found:
        assert found.is_boxed


def test_a_machine_without_the_program_has_no_box(monkeypatch: pytest.MonkeyPatch) -> None:
    box._works.cache_clear()
    monkeypatch.setenv("PATH", "/nonexistent")
    try:
        assert not box.box_for(Path("/")).is_closed
    finally:
        box._works.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
@pytest.mark.parametrize("is_closed", [True, False])
def test_the_workspace_of_another_user_is_read_as_that_user(
    tmp_path: Path, is_closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_mode & 0o5 != 0o5:
            folder.chmod(folder.stat().st_mode | 0o5)
    scene = Scene.make(tmp_path)
    tip = scene.work({"new.txt": "new\n"})
    for path in (scene.workspace, *scene.workspace.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
        path.chmod(0o700 if path.is_dir() else 0o600)
    found = box.box_for(scene.workspace)
    assert found == Box(is_closed=True, user=(SOMEBODY, SOMEBODY))
    monkeypatch.setattr(intake, "box_for", lambda _: Box(is_closed=is_closed, user=found.user))
    assert scene.take() == tip


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a folder to another user")
def test_the_workspace_of_another_user_is_trusted_for_that_one_command(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tip = scene.work({"new.txt": "new\n"})
    for path in (scene.workspace, *scene.workspace.rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY, follow_symlinks=False)
    # As a host does that is not root: it stays who it is.
    monkeypatch.setattr(intake, "box_for", lambda _: Box(is_closed=True))
    assert scene.take() == tip


def test_objects_that_the_host_lets_a_workspace_borrow_are_read(scene: Scene) -> None:
    shutil.rmtree(scene.workspace)
    git(scene.root, "clone", "-q", "--shared", str(scene.project), str(scene.workspace))
    git(scene.workspace, "checkout", "-q", "-b", BRANCH)
    tip = scene.work({"new.txt": "new\n"})
    assert refusal(scene).code == "unreadable"
    source = intake.Source(
        workspace=scene.workspace,
        branch=BRANCH,
        base=scene.base,
        shared=(scene.project / ".git/objects",),
    )
    with intake.fetched(scene.repo, source, bounds=Bounds()) as found:
        found.move_in(scene.repo)
    assert scene.tip() == tip


def test_a_shallow_project_takes_commits_in(tmp_path: Path) -> None:
    scene = Scene.make(tmp_path)
    commit(scene.project, {"a.txt": "second\n"})
    scene.project.rename(tmp_path / "origin")
    url = f"file://{tmp_path / 'origin'}"
    git(tmp_path, "clone", "-q", "--depth=1", url, str(scene.project))
    shutil.rmtree(scene.workspace)
    git(tmp_path, "clone", "-q", f"file://{scene.project}", str(scene.workspace))
    git(scene.workspace, "checkout", "-q", "-b", BRANCH)
    tip = scene.work({"new.txt": "new\n"})
    assert scene.take() == scene.tip() == tip


# A host that is killed.

KILLED = """
import os, sys
from pathlib import Path
from specify_cli.vcs import intake, scratch
from specify_cli.vcs.repository import Repository

root, workspace, branch, base, step = sys.argv[1:]
count = 0

def trace(frame, event, arg):
    global count
    if event == "line" and "/specify_cli/vcs/" in frame.f_code.co_filename:
        name = Path(frame.f_code.co_filename).name
        if name in ("intake.py", "lfs.py", "scratch.py"):
            count += 1
            if count == int(step):
                os.kill(os.getpid(), 9)
    return trace

repo = Repository(root=Path(root))
source = intake.Source(workspace=Path(workspace), branch=branch, base=base)
sys.settrace(trace)
with intake.fetched(repo, source, bounds=intake.Bounds()) as found:
    found.move_in(repo)
sys.settrace(None)
print(count)
"""


def killed(scene: Scene, step: int) -> subprocess.CompletedProcess[str]:
    words = (str(scene.project), str(scene.workspace), BRANCH, scene.base, str(step))
    command = [sys.executable, "-c", KILLED, *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONGEST_S)


@pytest.mark.parametrize("files", [1, 150], ids=["loose", "packed"])
def test_a_host_that_is_killed_at_any_step_leaves_nothing_behind(
    tmp_path: Path, files: int
) -> None:
    scene = Scene.make(tmp_path)
    tip = scene.work({f"f{n}": f"{n}\n" for n in range(files)})
    saved = tmp_path / "saved"
    shutil.copytree(scene.project, saved)
    whole = killed(scene, 0)
    assert whole.returncode == 0, whole.stderr
    steps = int(whole.stdout)
    for step in range(1, steps, max(1, steps // 25)):
        shutil.rmtree(scene.project)
        shutil.copytree(saved, scene.project)
        assert killed(scene, step).returncode == -signal.SIGKILL
        scratch.remove_dead(scene.repo)
        assert not any((scene.project / ".git" / scratch.FOLDER).glob("*"))
        packs = scene.project / ".git/objects/pack"
        assert {it.stem for it in packs.iterdir()} == {it.stem for it in packs.glob("*.idx")}
        assert not readers_of(scene.workspace)
        assert scene.tip() in ("", tip)
        assert scene.take() == scene.tip() == tip
        git(scene.project, "fsck", "--strict")


@pytest.mark.parametrize("is_closed", [True, False])
def test_what_a_killed_host_left_running_is_ended(scene: Scene, is_closed: bool) -> None:
    (scene.git_dir / "config").unlink()
    os.mkfifo(scene.git_dir / "config")
    words = (str(scene.project), str(scene.workspace), BRANCH, scene.base, "0")
    blind = "intake.odd_files = lambda *_, **__: []\n"
    if not is_closed:
        blind += (
            "from specify_cli.vcs.box import Box\nintake.box_for = lambda _: Box(is_closed=False)\n"
        )
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED.replace("count = 0", blind + "count = 0"), *words]
    )
    deadline = time.monotonic() + LONGEST_S
    while not any(
        "upload-pack" in it and "prlimit" not in it for it in readers_of(scene.workspace)
    ):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    scratch.remove_dead(scene.repo)
    assert not any((scene.project / ".git" / scratch.FOLDER).glob("*"))
    while readers_of(scene.workspace):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_what_another_living_process_has_at_hand_stays(scene: Scene) -> None:
    with intake.fetched(scene.repo, scene.source, bounds=Bounds()) as found:
        scratch.remove_dead(scene.repo)
        found.move_in(scene.repo)
    assert scene.tip() == scene.base


def test_several_at_once_do_not_disturb_each_other(scene: Scene) -> None:
    tip = scene.work({f"f{n}": f"{n}\n" for n in range(150)})
    words = (str(scene.project), str(scene.workspace), BRANCH, scene.base, "0")
    command = [sys.executable, "-c", KILLED, *words]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
    deadline = time.monotonic() + LONGEST_S
    for process in started:
        process.communicate(timeout=deadline - time.monotonic())
    assert scene.tip() == tip
    git(scene.project, "fsck", "--strict")


@pytest.mark.parametrize("kind", ["a commit", "a tree"])
def test_an_object_is_not_the_agent_s_because_it_knows_its_name(scene: Scene, kind: str) -> None:
    before = scene.tip()
    git(scene.project, "switch", "-q", "-c", "private")
    private = commit(scene.project, {"private.txt": "private\n"})
    git(scene.project, "switch", "-q", "main")
    if kind == "a commit":
        file = scene.git_dir / "objects" / private[:2] / private[2:]
        file.parent.mkdir(exist_ok=True)
        file.write_text("there")
        (scene.git_dir / "refs/heads" / BRANCH).write_text(f"{private}\n")
    else:
        tree = git(scene.project, "rev-parse", f"{private}^{{tree}}")
        forge_commit_graph(scene, tree)
    assert refusal(scene).code == "unreadable"
    assert scene.tip() == before


def forge_commit_graph(scene: Scene, tree: str) -> None:
    """The newest commit has that tree, which is missing; the commit graph says that it has its parent's."""
    parent, own = git(scene.workspace, "rev-parse", "HEAD", "HEAD^{tree}").split()
    text = f"tree {tree}\nparent {parent}\nauthor a <a@b> 1 +0000\ncommitter a <a@b> 1 +0000\n\nm\n"
    done = ["git", "-C", str(scene.workspace), "hash-object", "-t", "commit", "-w", "--stdin"]
    tip = subprocess.run(done, input=text.encode(), capture_output=True, check=True).stdout
    name = tip.decode().strip()
    (scene.git_dir / "refs/heads" / BRANCH).write_text(f"{name}\n")
    git(scene.workspace, "-c", "core.commitGraph=true", "commit-graph", "write", "--reachable")
    graph = scene.git_dir / "objects/info/commit-graph"
    content = graph.read_bytes()
    assert bytes.fromhex(tree) in content
    graph.chmod(0o600)
    graph.write_bytes(content.replace(bytes.fromhex(tree), bytes.fromhex(own)))


def test_a_branch_goes_back_to_what_the_project_has_still(scene: Scene) -> None:
    first = scene.work({"one.txt": "1\n"})
    scene.take()
    git(scene.workspace, "commit", "-q", "--amend", "-m", "again")
    scene.take()
    git(scene.workspace, "reset", "-q", "--hard", first)
    assert scene.take() == scene.tip() == first
