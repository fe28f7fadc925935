"""Replies are limited in size, whatever the files of a project contain."""

from __future__ import annotations

import json

import pytest

from tests.integration.stage import SLUG, Stage

HUGE = "x" * 100_000


def test_long_lists_of_subtasks_and_patterns_are_truncated_and_counted(
    project: Stage,
) -> None:
    subtasks = [f"T{number:04}" for number in range(1200)]
    patterns = [f"src/{number:0>200}.py" for number in range(600)]
    header = {"subtasks": subtasks, "owned_files": patterns}
    project.write_mission({"WP01": header}, slug="002-large")
    shown = project.done("show-prompt", mission="002-large", wp="WP01")
    assert [it["subtask_id"] for it in shown["subtasks"]] == subtasks[:1000]
    assert shown["subtasks_total"] == 1200
    assert shown["owned_files"] == patterns[: 100_000 // 207]
    assert shown["owned_files_total"] == 600
    small = project.done("show-prompt", mission=SLUG, wp="WP01")
    assert not small.keys() & {"subtasks_total", "owned_files_total"}


def test_a_long_title_is_truncated(project: Stage) -> None:
    project.write_mission({"WP01": {"title": HUGE}}, slug="002-large", title=HUGE)
    cut = "x" * 499 + "…"
    [package] = project.done("mission-state", mission="002-large")["work_packages"]
    listed = {it["mission_slug"]: it for it in project.done("list-missions")["missions"]}
    assert (package["title"], listed["002-large"]["title"]) == (cut, cut)


@pytest.mark.parametrize("field", ["mission_id", "mission_type", "target_branch"])
def test_a_mission_with_an_overlong_field_is_unreadable(project: Stage, field: str) -> None:
    path = project.root / "kitty-specs" / SLUG / "meta.json"
    path.write_text(json.dumps({field: HUGE}))
    refused = project.ask("mission-state", mission=SLUG)
    assert refused["error_code"] == "STATE_UNREADABLE"
    assert f"{field} has more than 1,000 characters" in refused["data"]["message"]
    [listed] = project.done("list-missions")["missions"]
    assert field in listed["problem"]
    assert len(json.dumps(listed)) < 2000


def test_missions_are_listed_in_pages(project: Stage) -> None:
    slugs = [SLUG, *(f"{number:03}-more" for number in range(2, 6))]
    for slug in slugs[1:]:
        project.write_mission({"WP01": {}}, slug=slug)
    seen, after, later = [], None, len(slugs)
    while later:
        page = project.done("list-missions", limit=2, after=after)
        seen += [it["mission_slug"] for it in page["missions"]]
        assert page["later"] == len(slugs) - len(seen) < later
        after, later = seen[-1], page["later"]
    assert seen == slugs
