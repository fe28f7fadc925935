"""An id has one answer at both interfaces, however often it is sent."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from specify_cli.conformance.compare import envelope_of
from specify_cli.conformance.interfaces import Interface, put_request, reply_path
from specify_cli.conformance.project_files import json_lines
from specify_cli.conformance.requests import Request, fresh_id
from specify_cli.conformance.scratch_projects import ScratchProjects
from specify_cli.storage.layout import Layout
from tests.contract.interfaces import CommandLine, Mailbox
from tests.contract.recorded import POLICY

MISSION = "001-single"
INTERFACES: dict[str, Interface] = {"cli": CommandLine(), "mailbox": Mailbox()}
WAYS = [("cli", "mailbox"), ("mailbox", "cli"), ("cli", "cli"), ("mailbox", "mailbox")]


@dataclass(slots=True)
class Project:
    """A project and the request that is sent twice."""

    root: Path
    ask: Request = field(
        default_factory=lambda: Request(
            command="append-history",
            args={"mission": MISSION, "wp": "WP01", "actor": "ada", "note": "once"},
            correlation_id=fresh_id(),
        )
    )

    def send(self, interface: str, ask: Request | None = None) -> bytes:
        return INTERFACES[interface].send(self.root, ask or self.ask).raw

    def told_otherwise(self) -> Request:
        """A different request with the same id."""
        return replace(self.ask, args=self.ask.args | {"note": "twice"})

    def refused(self) -> Request:
        """A request with the same id that is refused."""
        return replace(self.ask, args=self.ask.args | {"wp": "WP99"})

    def records(self) -> tuple[bytes, bytes]:
        """The event log and the journal."""
        log = self.root / "kitty-specs" / MISSION / "status.events.jsonl"
        return log.read_bytes() if log.exists() else b"", self.journal.read_bytes()

    @property
    def journal(self) -> Path:
        return self.root / ".kitty" / "outbox" / "journal.jsonl"

    @property
    def reply(self) -> Path:
        return reply_path(self.root, self.ask.correlation_id)


@pytest.fixture
def project(scratch: ScratchProjects, tmp_path: Path) -> Project:
    return Project(scratch.project("single", tmp_path / "project"))


@pytest.mark.parametrize(("first", "second"), WAYS)
def test_repeated_request_gets_the_same_bytes_and_changes_nothing(
    first: str, second: str, project: Project
) -> None:
    answer, records = project.send(first), project.records()
    assert project.send(second) == answer
    assert project.records() == records
    assert envelope_of(answer)["success"]


@pytest.mark.parametrize(("first", "second"), WAYS)
def test_repeated_request_gets_the_same_refusal(first: str, second: str, project: Project) -> None:
    ask = project.refused()
    answer, records = project.send(first, ask), project.records()
    assert envelope_of(answer)["error_code"] == "WP_NOT_FOUND"
    assert project.send(second, ask) == answer
    assert project.records() == records


@pytest.mark.parametrize("first", INTERFACES)
def test_different_request_with_a_used_id_conflicts_at_the_command_line(
    first: str, project: Project
) -> None:
    answer, (log, _) = project.send(first), project.records()
    conflict = envelope_of(project.send("cli", project.told_otherwise()))
    assert conflict["error_code"] == "CORRELATION_ID_CONFLICT"
    assert project.records()[0] == log
    assert project.send("mailbox") == answer


@pytest.mark.parametrize("first", INTERFACES)
def test_different_request_with_a_used_id_becomes_a_dead_letter(
    first: str, project: Project
) -> None:
    answer, (log, _) = project.send(first), project.records()
    project.send("mailbox")
    put_request(project.root, project.told_otherwise())
    Mailbox().drain(project.root)
    assert project.reply.read_bytes() == answer
    assert project.records()[0] == log
    last = json_lines(project.journal)[-1]
    assert last["envelope"]["error_code"] == "CORRELATION_ID_CONFLICT"
    dead_letters = list((Layout(project.root).host / "dead-letters").glob("*.json"))
    assert len(dead_letters) == 1


def test_deleted_reply_is_restored_byte_for_byte(project: Project) -> None:
    answer, records = project.send("mailbox"), project.records()
    project.reply.unlink()
    assert project.send("mailbox") == answer
    assert project.records() == records


def test_repeated_request_may_differ_in_key_order_version_and_deadline(project: Project) -> None:
    answer = project.send("mailbox")
    too_late = replace(project.ask, contract_version="1.2.0", not_after="2001-01-01T00:00:00Z")
    reordered = replace(too_late, args=dict(reversed(project.ask.args.items())))
    project.reply.unlink()
    assert project.send("mailbox", reordered) == answer


def test_null_equals_an_omitted_argument(project: Project) -> None:
    policy = {**POLICY, "tool_restrictions": None}
    move = replace(
        project.ask,
        command="transition",
        args={"mission": MISSION, "wp": "WP01", "to": "claimed", "actor": "ada"},
        policy=POLICY,
    )
    answer = project.send("cli", move)
    spelled_out = replace(move, args={**move.args, "note": None, "evidence": None}, policy=policy)
    assert project.send("mailbox", spelled_out) == answer
