from __future__ import annotations

import dataclasses
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli.mailbox.intake import Intake
from specify_cli.mailbox.layout import MailboxLayout, is_name
from specify_cli.mailbox.mailboxes import Mailboxes
from specify_cli.mailbox.verification import find_breaks
from specify_cli.mailbox.watch import watching
from specify_cli.mailbox.worker import Watching, Worker
from specify_cli.storage import heartbeat_file
from tests.dead_letters import read_records
from tests.unit.mailbox.recording import (
    CLAIM_ID,
    DEFAULT,
    NIGHTLY,
    RELEASE,
    RecordingDispatcher,
    put,
    put_right,
    reply_of,
    request_bytes,
    swap,
    wait_until,
)

MakeWorker = Callable[..., Worker]
Serving = Callable[..., None]


def identities(dispatcher: RecordingDispatcher) -> dict[str, str]:
    return {line["correlation_id"]: line["identity"] for line in dispatcher.journal.lines()}


@pytest.mark.parametrize("name", ["nightly", "A", "-x", "_", "a.b", "x" * 64, "defaults", "jsonl"])
def test_a_valid_orchestrator_name_is_accepted(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    ["", ".a", "..", "a/b", "x" * 65, "a b", "a\n", "\u00e4", "default", "DEFAULT", "a.json",
     "a.tmp", "journal.jsonl", "journal-7.JSONL"],
)  # fmt: skip
def test_an_invalid_orchestrator_name_is_refused(name: str) -> None:
    assert not is_name(name)


def test_each_orchestrator_is_answered_in_its_own_outbox(
    layout: MailboxLayout, worker: MakeWorker, dispatcher: RecordingDispatcher, log: list[str]
) -> None:
    put(layout, "one", n=1)
    put(layout, "one", "nightly", n=2)
    worker(DEFAULT, NIGHTLY).drain()
    assert reply_of(layout, "one")["data"] == {"echo": {"n": 1}}
    assert reply_of(layout, "one", "nightly")["data"] == {"echo": {"n": 2}}
    assert sorted(line["identity"] for line in dispatcher.journal.lines()) == ["default", "nightly"]
    assert find_breaks(layout) == []
    assert any(line.startswith("nightly note one OK") for line in log)


def test_a_changed_reply_of_a_named_orchestrator_is_reported(
    layout: MailboxLayout, worker: MakeWorker
) -> None:
    put(layout, "one")
    put(layout, "one", "nightly", n=2)
    worker(DEFAULT, NIGHTLY).drain()
    shutil.copy(layout.outbox / "one.json", layout.paths("nightly").outbox / "one.json")
    (found,) = find_breaks(layout)
    assert found.startswith("nightly/one.json")


def test_each_granted_orchestrator_has_a_heartbeat_of_its_own(
    layout: MailboxLayout, worker: MakeWorker
) -> None:
    layout.ensure_mailbox("nightly")
    (layout.paths("nightly").inbox / "bad name").touch()
    worker(NIGHTLY).drain()
    own = heartbeat_file.last_beat(layout.paths("nightly").heartbeat) or {}
    root = heartbeat_file.last_beat(layout.heartbeat) or {}
    assert (own["commands"], own["dead_letters"]) == (["note", "read"], 1)
    assert (root["commands"], root["dead_letters"]) == ([], 0)
    assert own.keys() == root.keys()


def test_the_first_beat_includes_every_mailbox(layout: MailboxLayout, serving: Serving) -> None:
    serving(DEFAULT, NIGHTLY, beat_interval_s=3600.0)
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat))
    wait_until(lambda: heartbeat_file.is_alive(layout.paths("nightly").heartbeat))


def test_folders_of_granted_orchestrators_are_created(
    layout: MailboxLayout, worker: MakeWorker
) -> None:
    worker(DEFAULT, NIGHTLY).drain()
    paths = layout.paths("nightly")
    assert paths.inbox.is_dir()
    assert stat.S_IMODE(paths.claimed.stat().st_mode) == 0o700


def test_folders_belong_to_the_user_of_the_orchestrator_if_the_host_is_root(
    layout: MailboxLayout,
) -> None:
    for uid, gid in ((54321, 54321), (1, 1)):
        layout.ensure_mailbox("nightly", owner_uid=uid)
        inbox, outbox = (
            layout.paths("nightly").inbox.stat(),
            layout.paths("nightly").outbox.stat(),
        )
        is_root = os.geteuid() == 0
        assert inbox.st_uid == (uid if is_root else os.geteuid())
        assert stat.S_IMODE(inbox.st_mode) == (0o700 if is_root else 0o755)
        assert outbox.st_uid == os.geteuid()
        assert outbox.st_gid == (gid if is_root else os.getegid())
        assert stat.S_IMODE(outbox.st_mode) == (0o750 if is_root else 0o755)


def test_an_orchestrator_without_a_grant_is_answered_under_its_name(
    layout: MailboxLayout, worker: MakeWorker, dispatcher: RecordingDispatcher
) -> None:
    put(layout, "one", "stranger")
    (layout.inbox / "empty").mkdir()
    (layout.inbox / "writing").mkdir()
    (layout.inbox / "writing" / ".x.tmp").touch()
    worker(DEFAULT).drain()
    assert reply_of(layout, "one", "stranger")["correlation_id"] == "one"
    assert identities(dispatcher) == {"one": "stranger"}
    assert sorted(path.name for path in layout.outbox.iterdir() if path.is_dir()) == ["stranger"]
    assert (layout.inbox / "empty").is_dir()
    assert (layout.inbox / "writing" / ".x.tmp").exists()


@pytest.mark.parametrize("watch", [None, watching])
def test_a_mailbox_that_appears_while_serving_is_served_until_it_is_removed(
    layout: MailboxLayout, serving: Serving, watch: Watching | None, log: list[str]
) -> None:
    serving(DEFAULT, watch=watch, poll_interval_s=3600.0 if watch else 0.02)
    wait_until(lambda: heartbeat_file.is_alive(layout.heartbeat))
    for number in range(3):
        put(layout, f"id-{number}", "stranger")
        wait_until((layout.outbox / "stranger" / f"id-{number}.json").exists)
        shutil.rmtree(layout.inbox / "stranger")
        put(layout, f"id-{number}")
        wait_until((layout.outbox / f"id-{number}.json").exists)
    assert not any("stalled" in line for line in log)


def test_a_mailbox_that_is_removed_and_recreated_is_not_stalled(
    layout: MailboxLayout, serving: Serving, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Mailboxes.is_gone

    def made_again_before_it_is_judged(room: Mailboxes, intake: Intake, *args: Exception) -> bool:
        put(layout, "two", "stranger")
        return judge(room, intake, *args)

    monkeypatch.setattr(Mailboxes, "is_gone", made_again_before_it_is_judged)
    serving(DEFAULT, poll_interval_s=0.02)
    put(layout, "one", "stranger")
    wait_until((layout.outbox / "stranger" / "one.json").exists)
    shutil.rmtree(layout.inbox / "stranger")
    wait_until((layout.outbox / "stranger" / "two.json").exists)
    assert not any("stalled" in line for line in log)


@pytest.mark.parametrize("name", ["a b", "journal.jsonl", "\x1b[31m", "x" * 65])
def test_a_folder_with_an_invalid_name_is_set_aside_as_a_whole(
    layout: MailboxLayout, worker: MakeWorker, name: str
) -> None:
    (layout.inbox / name).mkdir()
    (layout.inbox / name / "one.json").write_bytes(request_bytes("one"))
    worker(DEFAULT).drain()
    (record,) = read_records(layout.dead_letters)
    assert (Path(record["body"]) / "one.json").read_bytes() == request_bytes("one")
    assert not (layout.inbox / name).exists()


def test_mailboxes_without_a_grant_are_bounded(layout: MailboxLayout, worker: MakeWorker) -> None:
    for name in ("a", "b", "c"):
        put(layout, "one", name)
    worker(DEFAULT, max_ungranted=2).drain()
    assert len(list(layout.outbox.glob("*/one.json"))) == 2
    (record,) = read_records(layout.dead_letters)
    assert record["name"] == "c"


def test_claims_of_an_orchestrator_that_lost_its_grant_are_answered(
    layout: MailboxLayout, worker: MakeWorker, dispatcher: RecordingDispatcher
) -> None:
    layout.ensure_mailbox("former")
    claim = layout.paths("former").claimed / f"{CLAIM_ID}-old.json"
    claim.write_bytes(request_bytes("old"))
    worker(DEFAULT).drain()
    assert reply_of(layout, "old", "former")["success"]
    assert identities(dispatcher) == {"old": "former"}
    assert not claim.exists()


def test_another_users_request_is_not_authorized(
    layout: MailboxLayout, worker: MakeWorker, dispatcher: RecordingDispatcher
) -> None:
    theirs = dataclasses.replace(DEFAULT, owner_uid=os.getuid() + 1)
    put(layout, "one")
    (layout.inbox / "big.json").write_bytes(b"x" * 5000)
    worker(theirs).drain()
    for name in ("one", "big"):
        assert reply_of(layout, name)["error_code"] == "NOT_AUTHORIZED"
    assert not dispatcher.effects.exists()


def test_the_expected_users_request_is_served(layout: MailboxLayout, worker: MakeWorker) -> None:
    put(layout, "one")
    worker(dataclasses.replace(DEFAULT, owner_uid=os.getuid())).drain()
    assert reply_of(layout, "one")["success"]


def test_a_flood_from_one_orchestrator_does_not_stop_the_others(
    layout: MailboxLayout, worker: MakeWorker, dispatcher: RecordingDispatcher
) -> None:
    for number in range(200):
        put(layout, f"flood-{number:03}", mission=str(number % 7))
    put(layout, "single", "nightly")
    worker(DEFAULT, NIGHTLY).drain()
    order = dispatcher.effects.read_text().split()
    assert len(order) == 201
    assert order.index("single") < 100


def test_a_hanging_mission_delays_no_other_and_keeps_its_order(
    layout: MailboxLayout, serving: Serving, dispatcher: RecordingDispatcher
) -> None:
    started, release = layout.root / "started", layout.root / RELEASE
    put(layout, "a-first", mission="A", started=str(started), wait_for=str(release))
    serving(DEFAULT, NIGHTLY)
    wait_until(started.exists)
    behind = [f"a-{number:03}" for number in range(100)]
    for name in behind:
        put(layout, name, mission="A")
    put(layout, "b", mission="B")
    put(layout, "a-first", "nightly", mission="A")
    wait_until((layout.outbox / "b.json").exists)
    wait_until((layout.paths("nightly").outbox / "a-first.json").exists)
    assert not (layout.outbox / "a-000.json").exists()
    release.touch()
    wait_until((layout.outbox / f"{behind[-1]}.json").exists)
    done = [name for name in dispatcher.effects.read_text().split() if name in behind]
    assert done == sorted(done)


def test_recovered_claims_keep_their_order_and_precede_later_requests(
    layout: MailboxLayout, worker: MakeWorker, dispatcher: RecordingDispatcher
) -> None:
    (layout.claimed / f"{CLAIM_ID[:-1]}0-torn.json").write_bytes(b'{"half')
    for number in range(5):
        name = f"{CLAIM_ID[:-1]}{number + 1}-old-{number}.json"
        (layout.claimed / name).write_bytes(request_bytes(f"old-{number}", mission="A"))
    put(layout, "new", mission="A")
    worker(DEFAULT, grace_s=0.2).drain()
    done = dispatcher.effects.read_text().split()
    assert done == [*[f"old-{number}" for number in range(5)], "new"]
    assert reply_of(layout, "torn")["error_code"] == "REQUEST_MALFORMED"


@pytest.mark.parametrize(
    "part", [".kitty", ".kitty/inbox", ".kitty/inbox/nightly", ".kitty/outbox/nightly"]
)
def test_a_link_that_replaces_a_folder_is_not_followed(
    layout: MailboxLayout, serving: Serving, log: list[str], part: str
) -> None:
    serving(DEFAULT, NIGHTLY)
    put(layout, "before", "nightly")
    wait_until((layout.paths("nightly").outbox / "before.json").exists)
    folder, kept, planted = layout.root / part, layout.root / "kept", layout.root / "planted"
    shutil.copytree(folder, planted, ignore=all_but_folders)
    decoy = planted / {".kitty": "inbox/nightly", ".kitty/inbox": "nightly"}.get(part, ".")
    decoy.mkdir(parents=True, exist_ok=True)
    if "outbox" in part:
        put(layout, "during", "nightly")
    else:
        (decoy / "during.json").write_bytes(request_bytes("during"))
    swap(folder, kept, planted)
    wait_until(lambda: any("nightly stalled" in line for line in log))
    if "outbox" in part:
        assert not (planted / "during.json").exists()
    else:
        assert (decoy / "during.json").read_bytes() == request_bytes("during")
    put_right(folder, kept)
    wait_until(lambda: any("nightly is running again" in line for line in log))
    put(layout, "after", "nightly")
    wait_until((layout.paths("nightly").outbox / "after.json").exists)


def all_but_folders(folder: str, names: list[str]) -> set[str]:
    """Return the names of files; they are not copied, because the worker removes files meanwhile."""
    return {name for name in names if not Path(folder, name).is_dir()}
