"""Text from a project is never markup, script or layout on the page of a report."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from specify_cli.cli import report_file, report_page
from tests.report_projects import HOSTILE

AT = "2030-01-07T08:00:00.000000+00:00"
TEXTS = "\n".join(HOSTILE)


def package(number: int, text: str) -> dict[str, Any]:
    return {
        "wp_id": text if number % 2 else f"WP{number:02}",
        "title": text,
        "lane": "in_progress",
        "holder": text,
        "since": AT,
        "dependencies": [text, "WP02"],
        "unsatisfied": [text],
        "execution_lane": text,
        "subtasks_done": 1,
        "subtasks_total": 2,
        "is_stale": True,
        "contested": True,
        "stints": [{"lane": "in_progress", "holder": text, "since": AT, "until": None}],
    }


def row(seq: int, text: str) -> dict[str, Any]:
    fields = dict.fromkeys(report_page.FIELDS, text)
    lists = {"event_ids": [text], "commits": [text]}
    return {**fields, **lists, "seq": seq, "at": AT, "duration_ms": 1.5, "waited_ms": None}


def report() -> dict[str, Any]:
    refusals = [
        {"code": it, "count": 1, "last_at": AT, "last_seq": 1, "message": it, "callers": {it: 1}}
        for it in HOSTILE
    ]
    durations = dict.fromkeys(("waited_p95", "p50", "p95", "p99", "slowest"), 1.5)
    latencies = [
        {"command": it, "count": 1, "refused": 1, "buckets": [1, 2], **durations} for it in HOSTILE
    ]
    mission = {
        "slug": TEXTS,
        "title": TEXTS,
        "target_branch": TEXTS,
        "is_accepted": True,
        "warnings": [*HOSTILE],
        "packages": [package(number, text) for number, text in enumerate(HOSTILE)],
        "problem": None,
    }
    journal = {
        "rows": [row(number, text) for number, text in enumerate(HOSTILE)],
        "total": len(HOSTILE) + 1,
        "damaged": 1,
        "first_at": AT,
        "last_at": TEXTS,
        "refusals": refusals,
        "latencies": latencies,
        "bounds_ms": [10],
    }
    missions = [mission, mission | {"problem": TEXTS}]
    return {"root": f"/{TEXTS}", "at": AT, "head": TEXTS, "missions": missions, "journal": journal}


class Reader(HTMLParser):
    """Collects the elements and attributes that a browser acts upon."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "title": []}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.lasttag in self.inside:
            self.inside[self.lasttag].append(data)


@pytest.fixture(scope="module")
def page() -> str:
    verdict = {"breaks": [*HOSTILE], "notes": [*HOSTILE], "problem": None}
    return report_page.page(report(), verdict, {"mission": TEXTS, "since": AT}).decode()


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def test_the_page_has_only_elements_of_its_template(read: Reader):
    assert read.tags.count("script") == 2
    assert {"img", "iframe", "link", "object", "embed", "form", "base", "a"} & {*read.tags} == {"a"}


def test_no_attribute_runs_script_sets_style_or_loads_a_resource(read: Reader):
    assert [it for it in read.attributes if it[1].startswith("on") or it[1] == "style"] == []
    links = [value for _, name, value in read.attributes if name in ("href", "src", "action")]
    assert links
    assert all(re.fullmatch(r"#[a-z0-9-]+", it) for it in links)


def test_the_security_policy_allows_only_the_style_and_script_of_the_page(page: str, read: Reader):
    [policy] = [it[2] for it in read.attributes if it[:2] == ("meta", "content") and "src" in it[2]]
    for kind in ("style", "script"):
        [text] = re.findall(rf"<{kind}>(.*?)</{kind}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert re.search(rf"{kind}-src ([^;]*);", policy)[1] == f"'sha256-{digest}'"  # type: ignore[index]
    assert policy.startswith("default-src 'none';")
    assert "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'" in policy


def test_control_and_bidirectional_characters_are_shown_as_escapes(page: str):
    assert {it for it in page if not it.isprintable()} == {"\n"}
    assert r"\u202eevoba" in page
    assert r"\x1b[31mred" in page


def test_the_embedded_journal_is_valid_json_without_markup(page: str):
    [data] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    assert not set("<>&") & set(data)
    said = json.loads(data)
    assert len(said["rows"]) == len(HOSTILE)
    assert said["rows"][-1][said["fields"].index("actor")] == HOSTILE[0]


def test_the_mark_of_a_report_is_near_the_start_of_the_page(page: str):
    assert report_file.MARK.decode() in page[:2000]


def test_a_credential_in_a_title_is_masked():
    shown = report_page.safe({"title": ["password=hunter2secret", 3, None]})
    assert shown == {"title": ["password=[redacted: password]", 3, None]}
