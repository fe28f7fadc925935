"""The worker's log on stderr."""

from __future__ import annotations

import json

import pytest

from specify_cli.cli.worker_log import LEVELS, WorkerLog
from specify_cli.mailbox import log_lines
from specify_cli.mailbox.log_lines import LogLine

LINE = LogLine("it\nis", "mailbox.resumed", fields={"identity": "a\x1b[31m"})


def log(form: str = "text", level: str = "info") -> WorkerLog:
    return WorkerLog(form=form, level=level, before=lambda: None)


def test_the_text_format_is_one_line_with_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    log()(LINE)
    at, _, rest = capsys.readouterr().err.partition(" ")
    assert at.endswith("+00:00")
    assert rest == "it\\nis\n"


def test_the_json_format_escapes_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log("json")(LINE)
    log("json")("plain")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert first | {"at": ""} == {
        "at": "",
        "level": "info",
        "event": "mailbox.resumed",
        "text": "it\\nis",
        "identity": "a\\x1b[31m",
    }
    assert (second["event"], second["level"]) == ("notice", "warning")


def test_lines_below_the_level_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    log(level="warning")(LINE)
    assert capsys.readouterr().err == ""
    assert LEVELS == log_lines.LEVELS
