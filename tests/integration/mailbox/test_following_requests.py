"""`spec-kitty mailbox tail`, `show` and `stats` with a worker, while journal files are moved or damaged."""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections.abc import Callable
from typing import Any

from specify_cli.storage import journal_index_file
from specify_cli.storage.layout import Layout
from tests.integration.stage import SLUG, Outcome, Process, Stage
from tests.patience import wait_until

HOSTILE = "ev\x1b[31mil\u202e\n"


def note(stage: Stage, name: str, **also: Any) -> None:
    stage.put(name, "append-history", mission=SLUG, wp="WP01", actor="ada", note="n", **also)


def served(stage: Stage) -> None:
    assert stage.run("mailbox", "serve", "--once").exit_code == 0


def lines_of(process: Process) -> list[str]:
    """A list of the lines that the process prints, which grows while it runs."""
    found: list[str] = []
    assert process.stdout is not None
    read = process.stdout

    def collect() -> None:
        found.extend(line.decode() for line in iter(read.readline, b""))

    threading.Thread(target=collect, daemon=True).start()
    return found


def shown(stage: Stage, *words: str) -> dict[str, Any]:
    done = stage.run("mailbox", "show", *words, "--json")
    assert done.exit_code == 0, done
    data: dict[str, Any] = done.envelope["data"]
    return data


def refused(stage: Stage, *words: str) -> Outcome:
    done = stage.run("mailbox", "show", *words)
    assert (done.exit_code, done.stdout) == (1, b""), done
    return done


def test_tail_prints_each_line_once_if_journal_files_are_moved_or_deleted(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    layout = Layout(stage.root)
    note(stage, "before")
    served(stage)
    tail = stage.start("mailbox", "tail", "--json", "-n", "1")
    printed = lines_of(tail)

    def seen(name: str) -> None:
        wait_until(lambda: any(f'"correlation_id": "{name}"' in it for it in printed), name)

    seen("before")
    steps: dict[str, Callable[[], object]] = {
        "rotated": lambda: layout.journal.rename(layout.journal.with_name("journal-1.jsonl")),
        "deleted": layout.journal.unlink,
        "cut": lambda: layout.journal.write_bytes(layout.journal.read_bytes()[:50]),
        "index-gone": lambda: journal_index_file.remove(layout),
        "index-damaged": lambda: journal_index_file.path_of(layout).write_bytes(b"x" * 9_999),
        "cache-gone": lambda: shutil.rmtree(layout.cache),
    }
    for name, step in steps.items():
        step()
        note(stage, name)
        served(stage)
        seen(name)
    assert stage.run("doctor", "--fix").exit_code == 0
    note(stage, "last")
    served(stage)
    seen("last")
    tail.send_signal(signal.SIGINT)
    assert tail.wait() == 130
    said = [json.loads(it)["seq"] for it in printed]
    assert said == [*range(said[0], said[0] + len(said))]
    assert said[-1] == stage.journal()[-1]["seq"]


def test_show_finds_a_request_by_id_event_sequence_number_or_file_name(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    stage.put("one-1", "start-implementation", mission=SLUG, wp="WP01", actor=HOSTILE)
    note(stage, "one-2")
    (stage.root / ".kitty" / "inbox" / "no name.json").write_bytes(b"{")
    served(stage)
    (move,) = [it for it in stage.events() if it.get("to_lane") == "claimed"]
    story = shown(stage, "one-1")
    assert story["state"] == "answered"
    assert [it["to_lane"] for it in story["events"]] == ["claimed", "in_progress"]
    assert story["reply"] == {"path": ".kitty/outbox/one-1.json", "is_there": True}
    assert story["line"]["received_at"] < story["line"]["at"]
    assert story["waited_s"] > 0 < story["took_s"]
    assert story["line"]["policy"]["orchestrator_id"] == "nightly"
    assert shown(stage, move["event_id"]) == shown(stage, str(story["line"]["seq"])) == story
    letter = next(it["dead_letter"] for it in stage.journal() if it["dead_letter"])
    assert shown(stage, letter[:20])["letter"]["name"] == "no name.json"
    assert shown(stage, "no name") == shown(stage, "no name.json") == shown(stage, letter)
    assert b"2 requests match 'one-'" in refused(stage, "one-").stderr
    assert b"did you mean 'one-2'?" in refused(stage, "one-3").stderr
    unknown = refused(stage, HOSTILE).stderr
    assert b"there is no request" in unknown
    assert b"next: spec-kitty mailbox dead-letters list" in unknown
    text = stage.run("mailbox", "show", "one-1").stdout
    assert b"approval supervised, sandbox workspace_write" in text
    for words in (("show", "one-1"), ("tail", "--no-follow"), ("stats",)):
        done = stage.run("mailbox", *words)
        assert done.exit_code == 0
        assert not {it for it in done.stdout.decode() if not it.isprintable()} - {"\n"}, words


def test_show_reports_the_state_of_an_unanswered_request(stage: Stage) -> None:
    stage.write_mission({"WP01": {}})
    note(stage, "early")
    note(stage, "late")
    waiting = shown(stage, "late")
    assert (waiting["state"], waiting["ahead"], waiting["has_worker"]) == ("waiting", 1, False)
    done = stage.run("mailbox", "show", "late")
    assert b"in the inbox, behind 1 others; no worker answers in the mailbox" in done.stdout
    assert b"next: spec-kitty mailbox status" in done.stderr
    worker = stage.start("mailbox", "serve")
    wait_until(lambda: shown(stage, "late")["state"] == "answered", "an answer")
    position = stage.ask("mission-state", mission=SLUG)["data"]["position"]
    stage.put("parked", "mission-state", mission=SLUG, after=position, wait_s=60)
    wait_until(lambda: shown(stage, "parked")["state"] == "parked", "parked")
    assert shown(stage, "parked")["has_worker"] is True
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert shown(stage, "late")["state"] == "answered"
    data = stage.run("mailbox", "stats", "--since", "1h", "--json").envelope["data"]
    assert data["requests"] == sum(it["requests"] for it in data["orchestrators"])
