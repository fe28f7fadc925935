"""Results are compared with a list of expected failures, and reported in three formats."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from specify_cli.conformance import report
from specify_cli.conformance.checks import (
    EXPECTED,
    FAILED,
    NOT_ASKED,
    NOT_SEEN,
    PASSED,
    UNEXPECTED,
    Result,
)
from specify_cli.errors import UsageError


def result(name: str, status: str, detail: str = "") -> Result:
    return Result(name=name, meaning="it is so", section="here", status=status, detail=detail)


RESULTS = [
    result("cli.one", PASSED),
    result("cli.two", FAILED, "\x1b[31m<&>\x00 \ud800 \n\u2028"),
    result("mailbox.three", NOT_ASKED, "without mailbox"),
]


def test_names_are_read_without_comments():
    text = "# first\n\ncli.one  # why\n  cli.two\n"
    assert report.expected_names(text, ["cli.one", "cli.two", "x"]) == {"cli.one", "cli.two"}


def test_unknown_name_is_refused():
    with pytest.raises(UsageError) as refused:
        report.expected_names("cli.none", ["cli.one"])
    assert "cli.none" in refused.value.message


def test_expected_failure_conforms_and_unexpected_pass_does_not():
    held = report.apply_expected_failures(
        RESULTS, frozenset({"cli.one", "cli.two", "mailbox.three"})
    )
    assert [found.status for found in held] == [UNEXPECTED, EXPECTED, NOT_ASKED]
    assert [found.conforms for found in held] == [False, True, True]


def test_run_without_any_judged_check_does_not_conform():
    unasked = [result("cli.one", NOT_ASKED, "without command-line"), result("client.two", NOT_SEEN)]
    assert not report.is_judged(unasked)
    assert json.loads(report.as_json(unasked))["conforms"] is False
    assert not report.as_lines(unasked)[-1][1].startswith("conforms")
    assert report.conforms([*unasked, result("cli.three", PASSED)])


def test_junit_is_well_formed_for_any_output_of_a_host():
    suite = ET.fromstring(report.as_junit(RESULTS))
    assert suite.attrib["tests"] == "3"
    assert suite.attrib["failures"] == "1"
    assert suite.attrib["skipped"] == "1"
    assert [case.attrib["name"] for case in suite] == ["one", "two", "three"]
    assert [[told.tag for told in case] for case in suite] == [[], ["failure"], ["skipped"]]


def test_json_says_whether_the_program_conforms():
    told = json.loads(report.as_json(RESULTS))
    assert told["conforms"] is False
    assert told["summary"] == {PASSED: 1, FAILED: 1, NOT_ASKED: 1}
    assert json.loads(report.as_json(RESULTS[:1]))["conforms"] is True


def test_lines_are_printable_and_list_the_checks_that_were_not_asked():
    lines = [line for _, line in report.as_lines(RESULTS)]
    assert all(line.isprintable() for line in lines)
    assert lines[-1].startswith("does not conform")
    assert "not asked: without mailbox: mailbox.three" in lines
