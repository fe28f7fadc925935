"""Tests of the location of the record, which git never removes, and of its permissions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from specify_cli.errors import StorageFailed
from specify_cli.storage.layout import Layout
from specify_cli.storage.record import Record
from specify_cli.storage.record_database import DATABASE
from specify_cli.storage.record_entries import KnownMission
from specify_cli.storage.record_folder import make_record_folder
from tests.unit.storage.conftest import git

OTHER = 4711
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path.resolve() / "main"
    made.mkdir()
    git(made, "init", "-q")
    git(made, "commit", "-q", "--allow-empty", "-m", "first")
    return made


def test_the_record_is_in_the_git_folder(root: Path) -> None:
    place = Layout(root).record
    assert place.parent == root / ".git" / "spec-kitty"
    assert len(place.name) == 16


def test_git_environment_variables_do_not_move_the_record(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Layout(root).record
    for name in ("GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert Layout(root).record == before


def test_two_projects_in_one_repository_have_two_records(root: Path) -> None:
    places = {Layout(root / name).record for name in (".", "one", "two")}
    assert len(places) == 3
    assert {it.parent for it in places} == {root / ".git" / "spec-kitty"}


def test_a_linked_worktree_shares_the_record_of_the_repository(root: Path, tmp_path: Path) -> None:
    git(root, "worktree", "add", "-q", str(tmp_path / "linked"))
    linked = tmp_path.resolve() / "linked"
    assert Layout(linked).record == Layout(root).record
    assert Layout(linked / "one").record == Layout(root / "one").record


def test_a_separate_git_folder_contains_the_record(tmp_path: Path) -> None:
    main = tmp_path.resolve() / "main"
    git(tmp_path, "init", "-q", "--separate-git-dir", "elsewhere", "main")
    assert Layout(main).record.parent == tmp_path.resolve() / "elsewhere" / "spec-kitty"


def test_a_submodule_has_its_own_record(root: Path, tmp_path: Path) -> None:
    sub = ["-c", "protocol.file.allow=always", "submodule", "add", "-q", str(root), "sub"]
    outer = tmp_path.resolve() / "outer"
    git(tmp_path, "init", "-q", "outer")
    git(outer, *sub)
    assert Layout(outer / "sub").record.parents[1] == outer / ".git" / "modules" / "sub"


def test_a_moved_repository_keeps_its_record(root: Path) -> None:
    Record.make(make_record_folder(Layout(root))).close()
    moved = root.rename(root.with_name("moved"))
    assert (Layout(moved).record / DATABASE).is_file()


def test_without_a_repository_the_record_is_in_the_project(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.kitty.mkdir()
    assert make_record_folder(layout) == tmp_path / ".kitty" / "record"
    assert (tmp_path / ".kitty" / "record").is_dir()


def test_git_clean_gc_and_stash_leave_the_record_unchanged(root: Path) -> None:
    place = make_record_folder(Layout(root))
    record = Record.make(place)
    made = record.keep_mission(KnownMission(mission_id="01H", folder="001-search"))
    for words in (["clean", "-fdx"], ["gc", "-q", "--prune=now"], ["stash", "-q", "-u"]):
        git(root, *words)
    assert record.missions("01H", folder="") == [made]
    record.close()
    assert (place / DATABASE).is_file()
    git(root, "fsck", "--strict")


@pytest.mark.parametrize(
    ("said", "of_folder", "of_file"),
    [
        (None, 0o700, 0o600),
        ("umask", 0o700, 0o600),
        ("group", 0o2770, 0o660),
        ("true", 0o2770, 0o660),
        ("all", 0o2775, 0o664),
        ("0640", 0o2750, 0o640),
        ("0666", 0o2777, 0o666),
        ("nonsense", 0o700, 0o600),
        ("0999", 0o700, 0o600),
    ],
)
def test_permissions_of_the_record_follow_core_shared_repository(
    root: Path, said: str | None, of_folder: int, of_file: int
) -> None:
    if said is not None:
        git(root, "config", "core.sharedRepository", said)
    place = make_record_folder(Layout(root))
    record = Record.make(place)
    record.keep_mission(KnownMission(mission_id="01H", folder="001-search"))
    modes = {it.stat().st_mode & 0o7777 for it in (place, place.parent)}
    assert modes == {of_folder}
    files = [it for it in place.iterdir() if it.name.startswith(DATABASE)]
    assert len(files) == 3
    assert {it.stat().st_mode & 0o7777 for it in files} == {of_file}


@needs_root
def test_a_record_created_by_root_belongs_to_the_owner_of_the_repository(root: Path) -> None:
    os.chown(root / ".git", OTHER, OTHER)
    place = make_record_folder(Layout(root))
    record = Record.make(place)
    record.keep_mission(KnownMission(mission_id="01H", folder="001-search"))
    found = [place.parent, place, *place.glob(f"{DATABASE}*")]
    assert {(it.stat().st_uid, it.stat().st_gid) for it in found} == {(OTHER, OTHER)}
    assert len(found) == 5


@pytest.mark.parametrize("name", ["spec-kitty", "the folder itself"])
def test_a_link_on_the_path_to_the_record_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    place = Layout(root).record
    planted = place.parent if name == "spec-kitty" else place
    planted.parent.mkdir(exist_ok=True)
    planted.symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(StorageFailed, match="not a regular folder"):
        make_record_folder(Layout(root))
    assert sorted(it.name for it in tmp_path.iterdir()) == ["main"]


def test_the_record_is_located_again_when_the_git_folder_changes(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    project = Layout(tmp_path)
    before = project.record
    assert before.parent == tmp_path / ".git" / "spec-kitty"
    (tmp_path / ".git").rename(tmp_path / "elsewhere")
    assert project.record == tmp_path / ".kitty" / "record"
    (tmp_path / ".git").write_text(f"gitdir: {tmp_path / 'elsewhere'}\n")
    assert project.record == tmp_path / "elsewhere" / "spec-kitty" / before.name
