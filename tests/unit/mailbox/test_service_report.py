"""Log lines about the worker itself."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator

import pytest

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.mailbox.log_lines import ANSWERED, SET_ASIDE, LogLine
from specify_cli.mailbox.service_report import ServiceReport


class Slow(dict[str, object]):
    """Fields that let another thread run while they are read."""

    def __getitem__(self, name: str) -> object:
        reading.wait(0.01)
        return super().__getitem__(name)


reading = threading.Event()


@pytest.fixture
def often_switched() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often_switched")
def test_answers_of_several_threads_are_all_counted(layout: MailboxLayout) -> None:
    report = ServiceReport(layout, lambda _: None)
    line = LogLine("x", ANSWERED)
    line.fields = Slow(outcome="NOT_AUTHORIZED")
    threads = [threading.Thread(target=report.log, args=(line,)) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (report.answered, report.refused) == (12, 12)


def test_the_last_log_line_has_the_reason_and_the_counts(layout: MailboxLayout) -> None:
    log: list[str] = []
    report = ServiceReport(layout, log.append)
    report.log(LogLine("x", ANSWERED, fields={"outcome": "OK"}))
    report.log(LogLine("x", SET_ASIDE, fields={"outcome": "REQUEST_MALFORMED"}))
    report.log("something else")
    report.end("SIGTERM")
    ended = log[-1]
    assert "ends: SIGTERM; requests answered: 2, of which refused: 1; served for" in ended
    assert isinstance(ended, LogLine)
    assert {**ended.fields, "pid": 0, "uptime_s": 0} == {
        "pid": 0,
        "reason": "SIGTERM",
        "answered": 2,
        "refused": 1,
        "uptime_s": 0,
    }
