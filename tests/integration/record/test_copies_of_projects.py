"""A copied or moved project reports its state, and the advice works."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from tests.copies import copied
from tests.integration.stage import SLUG, Stage
from tests.patience import LONGEST_S


@pytest.fixture
def inner(stage: Stage) -> Stage:
    """A project in a folder of its repository, with one claimed package."""
    found = Stage(root=stage.root / "one")
    found.write_mission({"WP01": {}, "WP02": {}})
    stage.git("add", "one")
    stage.git("commit", "-q", "-m", "mission")
    assert claimed(found, "WP01")
    return found


def claimed(stage: Stage, wp_id: str) -> bool:
    done = stage.ask("transition", mission=SLUG, wp=wp_id, to="claimed", actor="ada")
    return bool(done["success"])


def is_sound(stage: Stage) -> bool:
    done = stage.run("mailbox", "verify")
    assert (done.exit_code, done.stdout) == (0, b""), done
    return stage.lane("WP01") == "claimed"


def test_copy_in_the_same_repository_names_the_original_with_the_record(inner: Stage) -> None:
    copy = Stage(root=copied(inner.root, inner.root.with_name("a copy")))
    told = copy.run("doctor").stdout.decode()
    assert "is a copy of" in told
    assert "[record-of-original]" in told
    assert "gone" not in told
    assert b"is a copy of" in copy.run("mailbox", "verify").stderr
    advised = told.partition("continue there with '")[2].partition("', or run")[0]
    assert shlex.split(advised)[1] == str(inner.root)
    assert subprocess.run(["sh", "-c", advised], check=False, timeout=LONGEST_S).returncode == 0
    fixed = copy.run("doctor", "--fix")
    assert b"[record" not in fixed.stdout, fixed
    assert b"gone" not in fixed.stderr, fixed
    assert is_sound(copy)
    assert claimed(copy, "WP02")
    assert is_sound(inner)
    assert inner.lane("WP02") == "planned"


@pytest.mark.long
@pytest.mark.parametrize("is_in_repository", [True, False])
def test_copy_outside_its_repository_says_where_the_record_may_be(
    inner: Stage, tmp_path: Path, *, is_in_repository: bool
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    if is_in_repository:
        inner.git("init", "-q", str(folder))
    copy = Stage(root=copied(inner.root, folder / "a copy"))
    told = copy.run("doctor").stdout
    assert b"[record-elsewhere]" in told
    assert (b"is a repository without a record of" in told) == is_in_repository
    assert b"continue in the original" in copy.run("status", "--mission", SLUG).stderr
    fixed = copy.run("doctor", "--fix")
    assert b"was made from journal and logs" in fixed.stderr
    assert b"gone" not in fixed.stderr
    assert b"[record-elsewhere]" not in copy.run("doctor").stdout
    assert is_sound(copy)
    assert claimed(copy, "WP02")
    assert inner.lane("WP02") == "planned"


def test_copy_of_the_whole_repository_works(inner: Stage) -> None:
    top = copied(inner.root.parent, inner.root.parent.with_name("again"))
    copy = Stage(root=top / "one")
    assert is_sound(copy)
    assert claimed(copy, "WP02")
    assert is_sound(copy)
    assert inner.lane("WP02") == "planned"


def test_moved_project_keeps_its_record(inner: Stage) -> None:
    moved = Stage(root=inner.root.rename(inner.root.with_name("two")))
    assert b"copy" not in moved.run("doctor").stdout
    assert claimed(moved, "WP02")
    assert is_sound(moved)


def test_copy_takes_over_the_record_if_the_original_is_gone(inner: Stage) -> None:
    copy = Path(copied(inner.root, inner.root.with_name("two")))
    for name in ("kitty-specs", ".kitty"):
        (inner.root / name).rename(inner.root / f"{name}-away")
    assert claimed(Stage(root=copy), "WP02")
    assert is_sound(Stage(root=copy))
