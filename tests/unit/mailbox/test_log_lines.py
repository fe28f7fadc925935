"""Lines of the worker's log: one line each, whatever a request contains."""

from __future__ import annotations

from typing import Any

import pytest

from specify_cli.errors import WorkPackageNotFound
from specify_cli.mailbox.log_lines import LONGEST, AnsweredRequest, LogLine, as_line, error_line

HOSTILE = "a\nb\r\x1b]0;title\x07\x1b[2J\u202e\x9b31m\ud800"


def envelope(code: str | None = None, **data: Any) -> dict[str, Any]:
    return {
        "command": "orchestrator-api.transition",
        "correlation_id": "id-1",
        "success": code is None,
        "error_code": code,
        "data": data,
    }


def test_the_line_of_an_answered_request_names_caller_and_command() -> None:
    data = {"mission_slug": "001-x", "wp_id": "WP01", "from_lane": "planned", "to_lane": "claimed"}
    line = AnsweredRequest("nightly", envelope(**data), {"actor": "ann"}).logged()
    assert line == "nightly transition id-1 OK 001-x WP01 planned -> claimed by ann"
    assert (line.event, line.level) == ("request.answered", "info")
    assert line.fields == {
        "identity": "nightly",
        "actor": "ann",
        "command": "transition",
        "correlation_id": "id-1",
        "mission": "001-x",
        "package": "WP01",
        "from": "planned",
        "to": "claimed",
        "outcome": "OK",
        "reason": None,
        "is_repeat": False,
        "duration_s": None,
    }


def test_the_line_of_a_refusal_names_the_command_and_the_reason() -> None:
    asked = {"actor": "ann", "args": {"mission": "1", "wp": "WP09", "to": "claimed"}}
    refused = envelope(WorkPackageNotFound.code, message="there is no WP09")
    line = AnsweredRequest("default", refused, asked, since=0.0).logged()
    assert line.startswith(f"default transition id-1 {WorkPackageNotFound.code} 1 WP09 by ann in ")
    assert line.endswith(" s: there is no WP09")
    assert line.level == "warning"
    assert line.fields["to"] == "claimed"
    assert line.fields["duration_s"] > 0


@pytest.mark.parametrize(
    ("code", "set_aside", "level"),
    [
        ("HOST_ERROR", "", "error"),
        ("STORAGE_FAILED", "", "error"),
        ("NOT_AUTHORIZED", "", "warning"),
        ("REQUEST_MALFORMED", "not a file", "warning"),
    ],
)
def test_the_log_level_depends_on_the_error_code(code: str, set_aside: str, level: str) -> None:
    line = AnsweredRequest("x", envelope(code, message="no"), set_aside=set_aside).logged()
    assert line.level == level
    assert line.event == ("request.set_aside" if set_aside else "request.answered")


def test_hostile_text_stays_one_printable_line() -> None:
    asked = {"actor": HOSTILE, "args": {"mission": HOSTILE, "wp": HOSTILE * 1000}}
    line = AnsweredRequest(HOSTILE, envelope("X", message=HOSTILE), asked).logged()
    texts = [line, *(it for it in line.fields.values() if isinstance(it, str))]
    assert all(it.isprintable() and len(it) <= LONGEST + 3 for it in texts)
    changes = LogLine("x", "x", fields={"changes": [HOSTILE]}).fields["changes"]
    assert all(it.isprintable() for it in changes)


def test_a_credential_is_masked_in_text_and_fields() -> None:
    secret = "ghp_" + "a1B2" * 9
    line = AnsweredRequest("x", envelope("X", message=secret), {"actor": secret}).logged()
    assert secret not in line
    assert secret not in str(line.fields)


def test_plain_text_is_logged_as_a_notice_and_an_error_with_its_code() -> None:
    assert as_line("something").event == "notice"
    failed = error_line(OSError("disk"))
    assert (failed.event, failed.fields["outcome"]) == ("worker.failed", "STORAGE_FAILED")
