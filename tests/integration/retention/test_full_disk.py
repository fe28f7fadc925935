"""A full disk is named as the cause, loses nothing, and pruning continues once there is space."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.journal import Journal
from specify_cli.storage.layout import Layout
from tests.integration.stage import SLUG, Stage
from tests.unit.storage.test_record_retention import change

SPACE_FOR_ONE = "8k"
PRUNE = f"""mount -t tmpfs -o size={SPACE_FOR_ONE} none .kitty/archive
"$0" -m specify_cli mailbox prune --yes; code=$?
ls -A .kitty/archive; exit $code"""

DOCTOR = """mkdir -p ../small && mount -t tmpfs -o size=4m none ../small && cp -a . ../small && cd ../small
dd if=/dev/zero of=fill bs=4k 2>/dev/null
exec "$0" -m specify_cli doctor"""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_prune_keeps_journal_parts_that_the_archive_has_no_space_for(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    MailboxLayout(stage.root).ensure()
    layout = Layout(stage.root)
    layout.archive.mkdir()
    (stage.root / ".kitty" / "config.toml").write_text("journal_max_bytes = 0\n")
    journal = Journal(layout, max_bytes=100_000)
    for part in range(4):
        with journal.batch() as batch:
            batch.append([(change(f"c{part}-{number}"), ()) for number in range(110)])
    parts = {it.name for it in layout.outbox.glob("journal-*")}
    assert len(parts) >= 3
    on_a_disk = ("unshare", "--mount", "--map-root-user", "sh", "-c", PRUNE, sys.executable)
    refused = subprocess.run(on_a_disk, cwd=stage.root, capture_output=True, text=True, check=False)
    assert (refused.returncode, "No space left on device" in refused.stderr) == (1, True), refused
    archived = {it.removesuffix(".gz") for it in refused.stdout.split()}
    left = {it.name for it in layout.outbox.glob("journal-*")}
    assert archived | left >= parts
    assert archived.isdisjoint(left)
    assert stage.run("mailbox", "prune", "--yes").exit_code == 0
    assert stage.run("mailbox", "verify").exit_code == 0
    assert [it.name for it in layout.outbox.glob("journal*")] == ["journal.jsonl"]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_doctor_reports_a_full_disk(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.put("one", "append-history", mission=SLUG, wp="WP01", actor="ada", note="n")
    assert stage.run("mailbox", "serve", "--once").exit_code == 0
    on_a_disk = ("unshare", "--mount", "--map-root-user", "sh", "-c", DOCTOR, sys.executable)
    refused = subprocess.run(on_a_disk, cwd=stage.root, capture_output=True, text=True, check=False)
    assert (refused.returncode, "the disk is full (" in refused.stderr) == (2, True), refused
