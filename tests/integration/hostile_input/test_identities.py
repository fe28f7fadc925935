"""An orchestrator cannot act or read as another by content, file owner or replayed requests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hostile_input.served import SECRET, Served
from tests.integration.stage import SLUG

STRANGER_UID = 54321
GRANTS = f"""
[orchestrators.honest]
commands = ["all"]
[orchestrators.mallory]
commands = ["read-only", "append-history"]
actors = ["mallory-*"]
[orchestrators.owned]
commands = ["all"]
uid = {os.geteuid()}
"""


@pytest.fixture
def granted(served: Served) -> Served:
    served.grant(GRANTS)
    served.start()
    served.begin_honest_work("honest")
    return served


def note(served: Served, stem: str, **args: Any) -> bytes:
    whole = {"mission": SLUG, "wp": "WP01", "actor": "mallory-1", "note": "n"} | args
    return served.request(stem, "append-history", args=whole)


def ask(served: Served, identity: str, stem: str, raw: bytes) -> str:
    served.drop(f"{stem}.json", raw, identity)
    return served.settled([f"{stem}.json"], identity)[f"{stem}.json"]


def test_forged_actor_is_refused_and_journaled_with_the_identity(granted: Served) -> None:
    for number, actor in enumerate(["coder", "honest", "Mallory-1", " mallory-1", "default"]):
        stem = f"forged-{number}"
        assert ask(granted, "mallory", stem, note(granted, stem, actor=actor)) == "NOT_AUTHORIZED"
    assert ask(granted, "mallory", "own", note(granted, "own")) == "OK"
    granted.prove()
    assert [event["actor"] for event in granted.stage.events()] == ["mallory-1"]
    lines = {line["correlation_id"]: line for line in granted.stage.journal()}
    assert {lines[f"forged-{number}"]["identity"] for number in range(5)} == {"mallory"}
    assert lines["forged-1"]["actor"] == "honest"


def test_identity_fields_in_the_body_are_usage_errors(granted: Served) -> None:
    for name in ("identity", "orchestrator", "door"):
        raw = note(granted, name)[:-1] + f', "{name}": "honest"}}'.encode()
        assert ask(granted, "mallory", name, raw) == "USAGE_ERROR"
    begin = granted.request("begin", "start-review", args={"mission": SLUG, "wp": "WP01"})
    assert ask(granted, "mallory", "begin", begin) != "OK"
    granted.prove()
    assert granted.stage.events() == []


def test_replayed_request_has_no_second_effect(
    granted: Served,
) -> None:
    raw = note(granted, "once")
    assert ask(granted, "mallory", "once", raw) == "OK"
    first = (granted.outbox("mallory") / "once.json").read_bytes()
    for _ in range(5):
        granted.drop("once.json", raw, "mallory")
        granted.wait_until(lambda: not (granted.inbox("mallory") / "once.json").exists())
    granted.drop("once.json", note(granted, "once", note="another"), "mallory")
    granted.wait_until(lambda: len(granted.fates("once.json", "mallory")) == 2)
    granted.prove()
    assert len(granted.stage.events()) == 1
    assert (granted.outbox("mallory") / "once.json").read_bytes() == first


def test_reply_to_another_orchestrator_is_not_disclosed_by_its_id(granted: Served) -> None:
    secret = note(granted, "theirs", actor="coder", note=SECRET)
    assert ask(granted, "honest", "theirs", secret) == "OK"
    reply = (granted.outbox("honest") / "theirs.json").read_bytes()
    assert (
        ask(granted, "mallory", "theirs", note(granted, "theirs", actor="coder"))
        == "NOT_AUTHORIZED"
    )
    assert (granted.outbox("honest") / "theirs.json").read_bytes() == reply
    assert len(granted.stage.events()) == 1
    # The same bytes in another mailbox are a different request.
    granted.drop("replayed.json", granted.request("replayed"), "honest")
    assert granted.settled(["replayed.json"], "honest") == {"replayed.json": "OK"}
    stolen = note(granted, "stolen", actor="coder", note=SECRET)
    assert ask(granted, "mallory", "stolen", stolen) == "NOT_AUTHORIZED"
    granted.prove()
    for path in granted.outbox("mallory").glob("*.json"):
        assert b"coder" not in path.read_bytes() or path.stem in {"theirs", "stolen"}


def test_symlinks_out_of_the_own_inbox_are_dead_lettered(granted: Served) -> None:
    asked = {
        "link-to-a-reply": "../../outbox/honest/theirs.json",
        "link-to-a-request": "../honest/theirs.json",
        "link-to-the-journal": "../../outbox/journal.jsonl",
        "link-to-the-claims": "../../host/claimed",
        "link-to-oneself": ".",
    }
    for stem, target in asked.items():
        (granted.inbox("mallory") / f"{stem}.json").symlink_to(target)
        granted.inputs += 1
    found = granted.settled([f"{stem}.json" for stem in asked], "mallory")
    assert set(found.values()) == {"DEAD LETTER"}
    put_folder(granted, granted.inbox("mallory") / "inner", "deep")
    assert ask(granted, "mallory", "next", granted.request("next")) == "OK"
    assert not list(granted.layout.outbox.rglob("deep*"))
    granted.prove()


def put_folder(served: Served, path: Path, stem: str) -> None:
    """Make a folder with a request; it is filled before it gets its name, because it may be taken at once."""
    being_made = path.with_name(".being-made")
    being_made.mkdir()
    (being_made / f"{stem}.json").write_bytes(served.request(stem))
    being_made.rename(path)


def test_requests_in_a_folder_without_a_grant_are_refused(granted: Served) -> None:
    (granted.inbox("eve")).mkdir()
    assert ask(granted, "eve", "hello", granted.request("hello")) == "NOT_AUTHORIZED"
    for name in ("bad name", "\x1b[31m", "x" * 65, "default", "a.json", "b.tmp"):
        put_folder(granted, granted.inbox() / name, "inner")
    granted.wait_until(lambda: not (granted.inbox() / "bad name").exists())
    granted.prove()
    assert sorted(p.name for p in granted.layout.outbox.iterdir() if p.is_dir()) >= ["eve"]
    assert not list(granted.layout.outbox.rglob("inner.json"))


def another_uid(served: Served) -> None:
    """A file of another user in a mailbox with a configured uid; only root can create one."""
    raw = served.request("strangers")
    path = served.layout.root / "strangers"
    path.write_bytes(raw)
    path.chmod(0o644)
    os.chown(path, STRANGER_UID, STRANGER_UID)
    path.rename(served.inbox("owned") / "strangers.json")
    served.inputs += 1
    assert served.settled(["strangers.json"], "owned") == {"strangers.json": "NOT_AUTHORIZED"}


def own_uid(served: Served) -> None:
    assert ask(served, "owned", "mine", served.request("mine")) == "OK"


WHOSE = [own_uid, *([another_uid] if os.geteuid() == 0 else [])]


@pytest.mark.parametrize("whose", WHOSE)
def test_only_files_of_the_configured_uid_are_read(granted: Served, whose: Any) -> None:
    whose(granted)
    granted.prove()
