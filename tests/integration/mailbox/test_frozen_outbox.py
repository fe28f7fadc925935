"""An outbox whose disk hangs holds up its own mailbox alone, and loses nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from spec_kitty_client.mailbox import Mailbox
from tests.integration.stage import POLICY, SLUG, TIMEOUT_S, Stage
from tests.patience import wait_until

CONFIG = (
    '[orchestrators.default]\ncommands = ["all"]\n[orchestrators.nightly]\ncommands = ["all"]\n'
)
SIZE = 16 * 1024 * 1024
TOOLS = ("mkfs.ext4", "losetup", "fsfreeze")


def run(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True, timeout=TIMEOUT_S)


def can_freeze() -> bool:
    return (
        os.geteuid() == 0 and Path("/dev/loop-control").exists() and all(map(shutil.which, TOOLS))
    )


needs_disk = pytest.mark.skipif(
    not can_freeze(), reason="needs root, loop devices, mkfs.ext4 and fsfreeze to mount a disk"
)


@pytest.fixture
def disk(stage: Stage, tmp_path: Path) -> Iterator[Path]:
    """The outbox of `nightly`, which is on a disk of its own."""
    (stage.root / ".kitty" / "outbox" / "nightly").mkdir(parents=True)
    (stage.root / ".kitty" / "config.toml").write_text(CONFIG)
    image, outbox = tmp_path / "disk.img", stage.root / ".kitty" / "outbox" / "nightly"
    with image.open("wb") as file:
        file.truncate(SIZE)
    run("mkfs.ext4", "-q", image)
    run("mount", "-o", "loop", image, outbox)
    try:
        yield outbox
    finally:
        stage.end()
        run("umount", "-l", outbox)


@contextmanager
def frozen(disk: Path) -> Iterator[None]:
    run("fsfreeze", "--freeze", disk)
    try:
        yield
    finally:
        run("fsfreeze", "--unfreeze", disk)


def asks(stage: Stage, name: str) -> Callable[[str], str]:
    part = "" if name == "default" else name
    kitty = stage.root / ".kitty"
    mailbox = Mailbox(kitty / "inbox" / part, kitty / "outbox" / part)

    def ask(note: str) -> str:
        args = {"mission": SLUG, "wp": "WP01", "actor": name, "note": note}
        return mailbox.submit("append-history", args)

    return ask


@needs_disk
def test_an_outbox_that_hangs_holds_up_no_other_mailbox(stage: Stage, disk: Path) -> None:
    stage.write_mission({"WP01": {}})
    worker = stage.start("mailbox", "serve")
    wait_until((disk / "worker.json").exists, process=worker)
    nightly, default = asks(stage, "nightly"), asks(stage, "default")
    first = nightly("first")
    wait_until((disk / f"{first}.json").exists, process=worker)
    with frozen(disk):
        waiting = [nightly(f"waiting {number}") for number in range(3)]
        for number in range(5):
            answered = default(f"answered {number}")
            wait_until(lambda: answered in stage.replies(), process=worker)  # noqa: B023  at once
        wait_until(lambda: stalled(stage) == ["nightly"], process=worker)
        metrics = stage.run("mailbox", "status", "--metrics", "-").stdout.decode()
        told = [it for it in metrics.splitlines() if it.startswith("spec_kitty_mailbox_stalled{")]
        assert [it.endswith(" 1.0") for it in sorted(told)] == [False, True], told
    wait_until(lambda: all((disk / f"{it}.json").exists() for it in waiting), process=worker)
    wait_until(lambda: not stalled(stage), process=worker)
    later = nightly("later")
    wait_until((disk / f"{later}.json").exists, process=worker)
    notes = [it["delta"]["note"] for it in stage.events() if it["actor"] == "nightly"]
    assert notes == ["first", *(f"waiting {number}" for number in range(3)), "later"]
    worker.terminate()
    _, log = worker.communicate(timeout=TIMEOUT_S)
    lines = [it for it in log.decode().splitlines() if "mailbox nightly" in it]
    assert ["stalled" in it for it in lines] == [True, False], lines


@pytest.mark.long
@pytest.mark.campaign
@needs_disk
def test_a_worker_that_is_stopped_says_so_where_no_disk_hangs(stage: Stage, disk: Path) -> None:
    stage.write_mission({"WP01": {}})
    worker = stage.start("mailbox", "serve")
    wait_until((stage.root / ".kitty" / "inbox" / "nightly").exists, process=worker)
    kitty = stage.root / ".kitty"
    with frozen(disk):
        args = {"mission": SLUG, "wp": "WP01", "actor": "nightly"}
        # Not answered in a turn of the main loop.
        nightly = Mailbox(kitty / "inbox" / "nightly", disk)
        asked = nightly.submit("start-implementation", args, policy=POLICY)
        wait_until(lambda: stage.lane("WP01") == "in_progress", process=worker)
        worker.terminate()
        heartbeat = kitty / "outbox" / "worker.json"
        wait_until(lambda: json.loads(heartbeat.read_text())["state"] == "stopped")
    worker.communicate(timeout=TIMEOUT_S)
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    assert json.loads((disk / f"{asked}.json").read_text())["success"]


def stalled(stage: Stage) -> list[str]:
    """The mailboxes of which `mailbox status` says that they are stalled."""
    found = json.loads(stage.run("mailbox", "status", "--json").stdout)["data"]["problems"]
    return [it["identity"] for it in found if it["kind"] == "stalled_mailbox"]
