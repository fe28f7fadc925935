"""Git's folder, with record, claims, dead letters and locks, is on another file system than the project."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from tests.file_systems import on_another_file_system
from tests.integration.stage import SLUG, Stage

NOTE = {"mission": SLUG, "wp": "WP01", "actor": "coder", "note": "n"}
START = {"mission": SLUG, "wp": "WP01", "actor": "coder"}


@pytest.fixture
def layout(stage: Stage) -> Iterator[MailboxLayout]:
    with on_another_file_system(stage.root.parent) as folder:
        shutil.move(stage.root / ".git", folder)
        (stage.root / ".git").write_text(f"gitdir: {folder}\n")
        stage.write_mission({"WP01": {}})
        stage.git("add", "kitty-specs")
        stage.git("commit", "-q", "-m", "mission")
        made = MailboxLayout(stage.root)
        assert made.host_base == folder
        yield made


def serve(stage: Stage) -> None:
    done = stage.run("mailbox", "serve", "--once")
    assert done.exit_code == 0, done


def test_requests_are_claimed_and_answered(stage: Stage, layout: MailboxLayout) -> None:
    stage.put("one", "append-history", **NOTE)
    stage.put("two", "start-implementation", **START)
    serve(stage)
    for stem in ("one", "two"):
        assert json.loads((layout.outbox / f"{stem}.json").read_bytes())["success"], stem
    assert not [*layout.claimed.iterdir(), *layout.inbox.iterdir()]
    assert stage.run("mailbox", "verify").exit_code == 0


def test_claim_of_a_killed_worker_is_completed(stage: Stage, layout: MailboxLayout) -> None:
    layout.ensure()
    stage.put("one", "append-history", **NOTE)
    hidden = layout.inbox / ".claim-01J00000000000000000000000-one.json"
    (layout.inbox / "one.json").rename(hidden)
    serve(stage)
    assert json.loads((layout.outbox / "one.json").read_bytes())["success"]
    assert not hidden.exists()


def test_dead_letter_can_be_replayed(stage: Stage, layout: MailboxLayout) -> None:
    for note in ("n", "other"):
        stage.put("one", "append-history", **NOTE | {"note": note})
        serve(stage)
    listed = stage.run("mailbox", "dead-letters", "list", "--json").envelope
    [letter] = listed["data"]["dead_letters"]
    done = stage.run("mailbox", "dead-letters", "replay", letter["dead_letter"], "--as", "two")
    assert done.exit_code == 0, done
    serve(stage)
    assert json.loads((layout.outbox / "two.json").read_bytes())["success"]
    assert not list(layout.inbox.iterdir())


def test_doctor_moves_files_to_the_attic(stage: Stage, layout: MailboxLayout) -> None:
    stage.done("append-history", **NOTE)
    draft = stage.root / "kitty-specs" / SLUG / ".lanes.json.0123456789abcdef.tmp"
    draft.write_bytes(b"half")
    os.utime(draft, (1, 1))
    assert b"repaired" in stage.run("doctor", "--fix").stdout
    assert not draft.exists()
    [kept] = layout.attic.rglob(draft.name)
    assert kept.read_bytes() == b"half"


def test_worker_answers_after_git_clean(stage: Stage, layout: MailboxLayout) -> None:
    stage.put("one", "append-history", **NOTE)
    serve(stage)
    stage.git("clean", "-fdxq")
    stage.put("two", "append-history", **NOTE)
    serve(stage)
    assert json.loads((layout.outbox / "two.json").read_bytes())["success"]
    assert len(stage.events()) == 2
