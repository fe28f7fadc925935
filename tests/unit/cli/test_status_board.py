from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from specify_cli.cli.ages import age
from specify_cli.cli.board import board, plain_lines

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LANES = (
    "planned",
    "claimed",
    "in_progress",
    "for_review",
    "in_review",
    "approved",
    "done",
    "blocked",
    "canceled",
)


def package(wp_id: str, lane: str = "planned", **changes: Any) -> dict[str, Any]:
    return {
        "wp_id": wp_id,
        "title": f"Title of {wp_id}",
        "lane": lane,
        "dependencies": [],
        "unsatisfied_dependencies": [],
        "claimed_by": None,
        "reviewer": None,
        "since": None,
        "subtasks": {"done": 0, "total": 0},
        **changes,
    }


def state(*packages: dict[str, Any]) -> dict[str, Any]:
    counts = {lane: sum(p["lane"] == lane for p in packages) for lane in LANES}
    return {
        "mission_slug": "001-search",
        "summary": counts | {"total": len(packages)},
        "work_packages": list(packages),
    }


BUSY = state(
    package("WP01", "done", since="2026-04-30T12:00:00Z"),
    package(
        "WP02",
        "in_progress",
        claimed_by="alice",
        since="2026-05-01T11:55:00+00:00",
        subtasks={"done": 1, "total": 3},
    ),
    package("WP03", "in_review", claimed_by="alice", reviewer="bob", since="2026-05-01T09:00:00Z"),
    package("WP04", dependencies=["WP01", "WP03"], unsatisfied_dependencies=["WP03"]),
)


def shown(data: dict[str, Any], width: int) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
    console.print(board(data, now=NOW, width=width))
    return out.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "less than 1 min"),
        (59, "less than 1 min"),
        (60, "1 min"),
        (5 * 60 + 59, "5 min"),
        (3600, "1 h"),
        (47 * 3600, "1 d"),
        (49 * 3600, "2 d"),
    ],
)
def test_an_age_is_shown_in_its_largest_whole_unit(seconds: int, words: str) -> None:
    moment = NOW - timedelta(seconds=seconds)
    assert age(moment.isoformat(), NOW) == words


@pytest.mark.parametrize("since", [None, "", "yesterday", "2026-13-45T00:00:00Z"])
def test_an_invalid_time_has_no_age(since: str | None) -> None:
    assert age(since, NOW) == ""


def test_a_time_without_an_offset_is_in_utc() -> None:
    assert age("2026-05-01T11:00:00", NOW) == "1 h"


@pytest.mark.parametrize("width", [100, 120, 160])
def test_a_wide_terminal_gets_a_column_for_each_status_lane_with_packages(width: int) -> None:
    lines = shown(BUSY, width).splitlines()
    heads = lines[2]
    assert heads.split()[::2] == ["planned", "in_progress", "in_review", "done"]
    first_row = lines[3]
    for wp_id, lane in [("WP01", "done"), ("WP02", "in_progress"), ("WP03", "in_review")]:
        assert first_row.index(wp_id) == heads.index(lane)


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_narrow_terminal_gets_a_list(width: int) -> None:
    lines = shown(BUSY, width).splitlines()
    starts = [line.split()[:2] for line in lines if line.startswith("WP")]
    lanes = ["done", "in_progress", "in_review", "planned"]
    assert starts == [[f"WP0{n}", lane] for n, lane in enumerate(lanes, start=1)]


@pytest.mark.parametrize("width", [1, 20, 60, 100, 119, 120, 121, 160, 500])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    crowded = state(*(package(f"WP{n:02}", lane) for n, lane in enumerate(LANES, start=1)))
    assert all(len(line) <= width for line in shown(crowded, width).splitlines())


@pytest.mark.parametrize("width", [60, 100, 160])
def test_the_board_shows_who_holds_each_package_and_for_how_long(width: int) -> None:
    words = " ".join(shown(BUSY, width).split())
    for said in ("alice for 5 min", "bob for 3 h", "steps 1/3", "after WP01, WP03 (open)"):
        assert said in words


def test_a_done_package_has_no_holder() -> None:
    finished = state(package("WP01", "done", claimed_by="alice", since="2026-05-01T11:00:00Z"))
    assert "alice" not in shown(finished, 160)


def test_without_a_terminal_each_package_is_one_untruncated_line() -> None:
    title = "long " * 60
    lines = list(plain_lines(state(package("WP01", title=title), package("WP02")), now=NOW))
    assert len(lines) == 3
    assert title in lines[1]
    assert all(line.isascii() and line.isprintable() for line in lines)


@pytest.mark.parametrize("width", [60, 160])
def test_control_characters_on_the_board_are_escaped(width: int) -> None:
    evil = "\x1b[2J\r\n\x07\u202eevil[red]"
    data = state(
        package(
            "WP01",
            "in_progress",
            title=evil,
            claimed_by=evil,
            dependencies=[evil],
            unsatisfied_dependencies=[evil],
        )
    )
    drawn = shown(data, width) + "\n".join(plain_lines(data, now=NOW))
    assert not set("\x1b\r\x07\u202e") & set(drawn)
    assert "[red]" in drawn


@pytest.mark.parametrize("width", [60, 160])
def test_a_mission_without_packages_has_a_board(width: int) -> None:
    assert shown(state(), width).startswith("001-search: 0 packages")


WIDE_TITLE = "\u641c\u7d22\u7d22\u5f15\uff1a\u5168\u6587 \U0001f680 " * 4


@pytest.mark.parametrize("width", [20, 40, 80, 120, 200])
def test_wide_characters_and_emoji_do_not_overflow_the_terminal(width: int) -> None:
    data = state(
        package("WP01", "done", title=WIDE_TITLE),
        package("WP02", "in_progress", title=WIDE_TITLE, claimed_by="\u641c\u7d22"),
        package("WP03"),
    )
    lines = shown(data, width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "".join(lines).count("\U0001f680") == 8


def test_columns_are_as_wide_as_their_content() -> None:
    data = state(package("WP01"), package("WP02", "done", title="A title that is longer"))
    heads, titles = shown(data, 200).splitlines()[2:4]
    assert heads.index("done") == len("WP01 Title of WP01") + 2
    assert titles.endswith("WP02 A title that is longer")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_blocked_package_shows_its_reason(width: int) -> None:
    note = "waits for\na decision \x1b[2J"
    data = state(package("WP01", "blocked", claimed_by="alice", blocked_note=note))
    words = " ".join(shown(data, width).split())
    assert "blocked: waits for a decision \\x1b[2J" in words
    assert "held by alice" in words
    assert "blocked: waits for a decision" in "".join(plain_lines(data, now=NOW))


def test_a_busy_board_on_a_narrow_terminal_is_a_list_without_empty_status_lanes() -> None:
    crowded = state(*(package(f"WP{n:02}", lane) for n, lane in enumerate(LANES, start=1)))
    assert "WP05  in_review    Title of WP05" in shown(crowded, 80)
