"""`tasks.md` as people and tools write it: every line is read or refused, none is dropped."""

from __future__ import annotations

import re

import pytest

from specify_cli.workflow.authoring_outline import read_outline
from tests.unit.workflow.authoring_outline.outlines import file_with, needs, refusal, said_of

REAL_FILE = """\
# Work packages: demo

## Work Package WP01: First (Priority: P0)

**Goal**: the model.

### Included Subtasks
- [ ] T001 Write the model

### Dependencies
- None (starting package).

## Work Package WP02: Second (Priority: P1)

**Goal**: the tests.

### Included Subtasks
- [ ] T002 Write the tests

### Dependencies
- Depends on WP01 (the model comes first).

## Work Package WP03: Third (Priority: P2)

### Dependencies
- WP01, WP02
"""

NEEDS_WP01 = [
    "Dependencies: WP01",
    "Dependency: WP01",
    "dependencies : wp1",
    "**Dependencies**: WP01",
    "**Dependencies:** `WP01`",
    "__Depends on__: WP01.",
    "- **Depends on**: WP01",
    "* Depends-on: WP-01",
    "> Depends on: WP 01",
    "Depends on: [WP01](tasks/WP01-a.md)",
    "Deps: WP001",
    "Depend on: WP01",
    'Dependencies: ["WP01"]',
    "Dependencies: Work Package 1",
    "Dependencies: depends on WP01 (the model comes first)",
    "Dependencies: WP01 \u2014 the model comes first",
    "Dependencies: WP01; it has the model",
    "Dependencies: WP01 for the model",
    "Dependencies: WP01 must be merged first",
    "Dependencies: WP01, WP01",
    "Dependencies: WP01 (parallel-safe with WP03)",
    "Dependencies: <!-- WP03 --> WP01",
    "Hard dependencies: WP01",
    "Requires: WP01",
    "Prerequisites: WP01 (merged)",
    "Blocked by: WP01",
    "Depends on WP01",
    "- Depends on WP01.",
    "This package depends on WP01.",
    "It is blocked by WP01",
    "Requires WP01",
    "WP02 depends on WP01",
    "**WP02** depends on WP01",
    "**Priority**: P1 | **Dependencies**: WP01",
    "**Priority**: P1 | **Dependencies**: WP01 | **Size**: S",
    "Priority: P1 \u00b7 Depends on: WP01",
    "**Priority**: P1, **Depends on**: WP01",
    "- **Priority**: P1 **Depends on**: WP01",
    "Dependencies:\n- WP01",
    "**Dependencies**:\n\n- WP01\n- WP01 (again)\n\nProse.",
    "Dependencies:\nWP01",
    "- **Dependencies**:\n  - WP01\n- **Goal**: a goal",
    "- Dependencies:\n- WP01",
    "### Dependencies\n- WP01",
    "### Dependencies\n\nWP01\n\n### Risks\n- WP03 may change",
    "### **Dependencies**\n1. WP01",
    "### Dependencies: WP01",
    "#### Depends on\n* Depends on WP01 (the model comes first).",
    "### Dependencies & Risks\n- WP01\n- The disk may be full",
    "| Field | Value |\n|---|---|\n| Dependencies | WP01 |",
    "| Field | Value |\n|---|---|\n| **Depends on** | `WP01` |",
    "**Dependencies**\n- WP01",
    "Dependencies\n\n- WP01",
    "_Depends on_\nWP01",
    "- **Dependencies**\n  - WP01",
    "**Prerequisites**\n- WP01",
    "**Hard dependencies**\n- WP01",
    "Dependencies\uff1aWP01",
    "Dependencies\u00a0: WP01",
    "\u200bDependencies: WP01",
    "Predecessors: WP01",
    "Prereqs: WP01",
    "Blockers: WP01",
    "After: WP01",
    "Waiting on: WP01",
    "Priority: P1, Dependencies: WP01",
    "Priority: P1; Depends on: WP01",
    "Dependencies: WP01. Owned files: src/**",
    "### Dependencies\n| WP01 | it has the model |",
    "### Dependencies\n- WP01\n- Can run in parallel with WP03",
    "Dependencies: WP01\n- [ ] T001 Use what it needs from WP01",
    "Depends on WP01\n\nIts parser \u2192 WP01's tree.",
]
NEEDS_NOTHING = [
    "",
    "Dependencies: none",
    "Dependencies: None.",
    "Dependencies: none (starting package).",
    "**Dependencies**: None (parallel-safe with WP01)",
    "Dependencies: None \u2013 independent of WP01",
    "Dependencies: N/A",
    "Dependencies: -",
    "Dependencies: \u2014",
    "Dependencies: []",
    "Dependencies: nothing yet",
    "No dependencies.",
    "Dependencies:",
    "### Dependencies\n- None (starting package).",
    "### Dependencies\n\n### Risks\n- none",
    "This builds on ideas of WP01.",
    "After WP01 is merged, the server restarts.",
    "It does not depend on WP01.",
    "Handle dependencies: parse them.",
    "Requires: PostgreSQL 15",
    "Depends on how people search.",
    "External dependencies: none of ours",
    "```\nDependencies: WP01\n```",
    "~~~~\n```\nDependencies: WP01\n~~~~",
    "<!-- Dependencies: WP01 -->",
    "<!--\nDependencies: WP01\n## WP07 Old\n-->",
]
OWNS_TWO = [
    "Owned files: src/a.py, docs/**",
    "Owned files: `src/a.py`, `docs/**`",
    "Owned files: src/a.py<br>docs/**",
    "Owned files: [`src/a.py`](x), docs/**",
    "**Owned files**\n- src/a.py\n- docs/**",
    "Dependencies: none. Owned files: src/a.py, docs/**",
    "**Owned Files**: `src/a.py` and `docs/**`",
    "owned_files: [src/a.py, docs/**]",
    "Owned files:\n- src/a.py\n- docs/**",
    "### Owned files\n- `src/a.py` (new)\n- `docs/**` \u2014 all of it",
    "### Owned Files\n\nsrc/a.py, docs/**",
    "**Priority**: P1 | **Owned files**: src/a.py, docs/**",
    "| Key | Value |\n|--|--|\n| Owned files | src/a.py, docs/** |",
]
REFUSED = [
    "Dependencies: everything",
    "Dependencies: all",
    "Dependencies: TBD",
    "Dependencies: T001",
    "Dependencies: 1",
    "Dependencies = WP01",
    "Dependencies - WP01",
    "Dependencies (WP01)",
    "Dependencies include WP01",
    "### Depends on WP01",
    "### Dependencies (WP01)",
    "Depends heavily on WP01",
    "Must wait for WP01",
    "After WP01",
    "Start after WP01",
    "Cannot start until WP01 is merged",
    "Requires completion of WP01",
    "Needs the model from WP01",
    "The tests depend on WP01",
    "- [ ] Depends on WP01",
    "- [x] Dependencies: WP01",
    "WP01 \u2192 WP02",
    "<- WP01",
    "Abh\u00e4ngigkeiten: WP01",
    "\u4f9d\u8d56\uff1aWP01",
    "D\u00e9pendances: WP01",
    "Dependencies: WP01,\nWP03",
    "Dependencies: WP01\nWP03",
    "Depends on WP01\nand WP03",
    "- Depends on WP01\n- and on WP03",
    "Dependencies:\n```\nWP01\n```",
    "Owned files:\n```\nsrc/**\n```",
    "Owned files (exclusive): src/**",
    "Owned files src/**",
    "Owned_files = src/**",
    "Owns: src/**",
    "### File ownership\n- src/**",
    "## Dependencies\n- WP01",
    "## Owned files\n- src/**",
    "Dependencies: WP01 or WP03",
    "Dependencies: WP01, the parser",
    "Dependencies: WP01 \u2192 WP03",
    "Dependencies: WP03 (and WP01)",
    "Dependencies: none except WP01",
    "Dependencies: WP07",
    "Dependencies: WP02",
    "Dependencies: WP03-WP01",
    "Dependencies: none\n\nDepends on WP01",
    "Depends on the model of WP01",
    "Its dependencies (all of them): WP01",
    "Dependancies: WP01",
    "Dependants: WP01",
    "### Dependancies\n- WP01",
    "### Dependencies\n- The model\n",
    "### Dependencies\n- [ ] WP01",
    "WP07 depends on WP01",
    "Owned file: src/**",
    "**Owned file**: src/**",
    "Own files: src/**",
    "Owned files: TBD",
    "Owned files: the parser",
    "Owned files: src/{a,b}.py",
    f"Owned files: {'src/' * 200}",
    f"Owned files: {'a*' * 40}",
    "```\nDependencies: WP01",
    "<!-- begun",
]


def test_all_dependencies_of_a_real_file_are_read() -> None:
    assert needs(REAL_FILE) == {"WP01": (), "WP02": ("WP01",), "WP03": ("WP01", "WP02")}


@pytest.mark.parametrize("part", NEEDS_WP01)
def test_dependencies_are_read_in_every_common_notation(part: str) -> None:
    text = file_with(part)
    assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ()}
    assert needs(text.replace("\n", "\r\n")) == needs(text)


@pytest.mark.parametrize("part", NEEDS_NOTHING)
def test_text_that_states_no_dependency_adds_none(part: str) -> None:
    assert needs(file_with(part)) == {"WP01": (), "WP02": (), "WP03": ()}


@pytest.mark.parametrize(
    "value",
    ["WP01-WP03", "WP01..WP03", "WP01\u2013WP03", "WP01 to WP03", "WP01-03", "WP01 and WP02, WP03"],
)
def test_a_range_includes_all_packages_from_first_to_last(value: str) -> None:
    text = file_with("") + f"\n## WP04 D\n\nDepends on: {value}\n"
    assert needs(text)["WP04"] == ("WP01", "WP02", "WP03")


@pytest.mark.parametrize("part", OWNS_TWO)
def test_owned_files_are_read_in_every_common_notation(part: str) -> None:
    draft = read_outline(file_with(part))["WP02"]
    assert tuple(draft.owned_files) == ("src/a.py", "docs/**")


@pytest.mark.parametrize("part", ["Blocks: WP03", "**Unblocks**: WP03", "Required by: WP03"])
def test_a_package_may_name_its_dependents(part: str) -> None:
    assert needs(file_with(part))["WP03"] == ("WP02",)


def test_a_table_of_dependencies_is_read() -> None:
    table = "| WP | Title | Depends on |\n|--|--|--|\n| WP01 | A | \u2014 |\n| WP02 | B | WP01 |\n"
    assert needs(f"# P\n\n{table}\n## WP01 A\n\n## WP02 B\n") == {"WP01": (), "WP02": ("WP01",)}


@pytest.mark.parametrize(
    "heading",
    [
        "## WP02 B",
        "## WP02: B",
        "##  WP02 \u2014 B ##",
        " ### Work Package WP02: B",
        "## Work Package 2: B",
        "## Phase 2: WP02 B",
        "## 2. WP02 - B",
        "## [WP02] B",
        "## **WP02**: B",
        "## wp2 B",
    ],
)
def test_package_headings_are_read_in_every_common_notation(heading: str) -> None:
    text = f"## WP01 A\n\n{heading}\n\nDepends on: WP01\n"
    found = read_outline(text, existing=["WP02"])
    assert {x: draft.title for x, draft in found.items()} == {"WP01": "A", "WP02": "B"}


def test_a_heading_that_names_several_packages_starts_none() -> None:
    text = "## Phase 1 (WP01-WP02)\n### WP01 A\n### WP02 B\n## WP01 and WP02 together\nText.\n"
    assert needs(text) == {"WP01": (), "WP02": ()}


@pytest.mark.parametrize("part", REFUSED)
def test_a_line_that_looks_like_a_statement_but_cannot_be_read_is_refused(
    part: str,
) -> None:
    text = file_with(part)
    message = refusal(text)
    said = re.match(r"tasks\.md, line (\d+): '", message)
    assert said
    quoted = text.split("\n")[int(said[1]) - 1].strip()
    assert quoted in part
    assert quoted[:100] in message


@pytest.mark.parametrize("part", REFUSED)
def test_the_replacement_that_a_refusal_suggests_is_accepted(part: str) -> None:
    lines = file_with(part).split("\n")
    for _ in range(4):
        message = said_of("\n".join(lines))
        advised = re.match(r"tasks\.md, line (\d+): .*; write '(.*)' instead", message)
        added = re.search(r"; add the line '(.*)' if", message)
        if added:
            lines.append(added[1])
        elif advised:
            lines[int(advised[1]) - 1] = advised[2]
        else:  # The text is accepted, or the refusal cannot know what its author meant.
            break
    assert not message or re.search(r"; (write|give|say|move) ", message)


@pytest.mark.parametrize(
    "text",
    [
        "## WP6 A\n\n## WP06 B\n",
        "## WP01 A\n\n## WP01 B\n",
        "## WP01\n",
        "## WP01 A\n\n## Query (WP02)\n",
        "##WP01 A\n",
        "## WP01 A\n\n## WP02 B (depends on WP01)\n",
        "WP01 A\n---\n",
        "Work Package 2: B\n=====\n\nText.\n",
        "## WP01 A\n\nText.\n**WP02**: B\n  --- \n\nDepends on: WP01\n",
        "## WP01 A\n\nPhase 2: WP02 B\n-\n",
        "> ## WP01 A\n",
        "<h2>WP01 A</h2>\n",
    ],
)
def test_a_heading_that_would_lose_a_package_is_refused(text: str) -> None:
    assert "tasks.md, line " in refusal(text)


@pytest.mark.parametrize("key", ["Dependencies", "**Depends on**", "Prerequisites"])
def test_values_below_an_underlined_key_are_read(key: str) -> None:
    assert needs(file_with(f"{key}\n---\n- WP01"))["WP02"] == ("WP01",)


@pytest.mark.parametrize(
    "part",
    [
        "Dependencies: WP01\n---",
        "Dependencies:\nWP01\n---",
        "Dependencies:\n- WP01\n---",
        "Dependencies:\n\n- WP01\n\n---\n",
        "### Dependencies\n\n- WP01\n\n- - -\n",
        "### Dependencies\n---\n- WP01\n",
        "### Dependencies\n- WP01\n***\n",
        "### Dependencies\n- WP01\n_ _ _\n",
        "Depends on WP01\n---",
        "Depends on: WP01\n\nWP03 A\n\n---",
        "Depends on: WP01\n\n    WP03 A\n---",
        "Depends on: WP01\n\n1. WP03 A\n---",
        "Depends on: WP01\n\n```\nWP03 A\n---\n```",
        "Depends on: WP01\n\nNotes\n---",
    ],
)
def test_a_horizontal_rule_does_not_change_the_dependencies(part: str) -> None:
    assert needs(file_with(part))["WP02"] == ("WP01",)


def test_two_packages_with_the_same_number_are_refused_with_both_lines() -> None:
    message = refusal("## WP6 A\n\n## WP06 B\n")
    assert "line 3" in message
    assert "line 1" in message


def test_an_id_with_fewer_zeros_matches_the_only_package_of_that_number() -> None:
    found = read_outline("## WP6 A\n\n## WP07 B\n\nDepends on: WP6, wp3\n", ["WP06", "WP003"])
    assert list(found) == ["WP06", "WP07"]
    assert tuple(found["WP07"].dependencies) == ("WP06", "WP003")
    message = said_of("## WP07 B\n\nDepends on: WP6\n", ["WP06", "WP006"])
    assert "line 3" in message


def test_a_dependency_line_stays_in_the_prompt_only_if_it_has_a_remark() -> None:
    bare = read_outline(file_with("Dependencies: WP01\nBuild it."))["WP02"]
    told = read_outline(file_with("Dependencies: WP01 (the model)\nBuild it."))["WP02"]
    assert bare.prompt == "Build it."
    assert told.prompt == "Dependencies: WP01 (the model)\nBuild it."
