"""`tasks.md` as people and tools write it: read, or refused with its line; nothing is dropped."""

from __future__ import annotations

import re
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.core.dependencies import Graph
from specify_cli.errors import UsageError
from specify_cli.workflow.authoring_outline import NO_GRAPH, read_outline

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


def file_with(part: str) -> str:
    return f"# Packages\n\n## WP01 A\n\nText.\n\n## WP02 B\n\n{part}\n\n## WP03 C\n"


def needs(text: str) -> dict[str, tuple[str, ...]]:
    return {wp_id: tuple(draft.dependencies) for wp_id, draft in read_outline(text).items()}


def refusal(text: str) -> str:
    message = said_of(text)
    assert message
    return message


def test_a_real_file_loses_none_of_its_dependencies() -> None:
    assert needs(REAL_FILE) == {"WP01": (), "WP02": ("WP01",), "WP03": ("WP01", "WP02")}


@pytest.mark.parametrize("part", NEEDS_WP01)
def test_a_dependency_is_understood_however_people_write_it(part: str) -> None:
    text = file_with(part)
    assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ()}
    assert needs(text.replace("\n", "\r\n")) == needs(text)


@pytest.mark.parametrize("part", NEEDS_NOTHING)
def test_what_states_no_dependency_is_not_taken_for_one(part: str) -> None:
    assert needs(file_with(part)) == {"WP01": (), "WP02": (), "WP03": ()}


@pytest.mark.parametrize(
    "value",
    ["WP01-WP03", "WP01..WP03", "WP01\u2013WP03", "WP01 to WP03", "WP01-03", "WP01 and WP02, WP03"],
)
def test_a_range_names_all_packages_from_its_first_to_its_last(value: str) -> None:
    text = file_with("") + f"\n## WP04 D\n\nDepends on: {value}\n"
    assert needs(text)["WP04"] == ("WP01", "WP02", "WP03")


@pytest.mark.parametrize("part", OWNS_TWO)
def test_owned_files_are_understood_however_people_write_them(part: str) -> None:
    draft = read_outline(file_with(part))["WP02"]
    assert tuple(draft.owned_files) == ("src/a.py", "docs/**")


@pytest.mark.parametrize("part", ["Blocks: WP03", "**Unblocks**: WP03", "Required by: WP03"])
def test_a_package_may_say_which_ones_wait_for_it(part: str) -> None:
    assert needs(file_with(part))["WP03"] == ("WP02",)


def test_a_table_of_all_packages_is_read() -> None:
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
def test_a_heading_of_a_package_is_seen(heading: str) -> None:
    text = f"## WP01 A\n\n{heading}\n\nDepends on: WP01\n"
    found = read_outline(text, existing=["WP02"])
    assert {x: draft.title for x, draft in found.items()} == {"WP01": "A", "WP02": "B"}


def test_a_heading_over_several_packages_begins_none_of_them() -> None:
    text = "## Phase 1 (WP01-WP02)\n### WP01 A\n### WP02 B\n## WP01 and WP02 together\nText.\n"
    assert needs(text) == {"WP01": (), "WP02": ()}


@pytest.mark.parametrize("part", REFUSED)
def test_what_looks_like_a_statement_and_is_not_understood_is_refused_with_its_line(
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
def test_the_line_that_a_refusal_suggests_is_accepted_in_its_place(part: str) -> None:
    lines = file_with(part).split("\n")
    for _ in range(4):
        message = said_of("\n".join(lines))
        advised = re.match(r"tasks\.md, line (\d+): .*; write '(.*)' instead", message)
        added = re.search(r"; add the line '(.*)' if", message)
        if added:
            lines.append(added[1])
        elif advised:
            lines[int(advised[1]) - 1] = advised[2]
        else:  # Read, or what its author meant cannot be known.
            break
    assert not message or re.search(r"; (write|give|say|move) ", message)


def said_of(text: str, existing: Collection[str] = (), graph: Graph = NO_GRAPH) -> str:
    """The refusal; nothing where the text is read."""
    try:
        read_outline(text, existing, graph=graph)
    except UsageError as refused:
        return refused.message
    return ""


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
def test_an_underlined_key_has_its_values_below(key: str) -> None:
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
def test_a_rule_below_anything_else_is_a_rule(part: str) -> None:
    assert needs(file_with(part))["WP02"] == ("WP01",)


def test_two_packages_with_one_number_are_refused_with_both_lines() -> None:
    message = refusal("## WP6 A\n\n## WP06 B\n")
    assert "line 3" in message
    assert "line 1" in message


def test_an_id_with_fewer_zeros_means_the_only_package_of_that_number() -> None:
    found = read_outline("## WP6 A\n\n## WP07 B\n\nDepends on: WP6, wp3\n", ["WP06", "WP003"])
    assert list(found) == ["WP06", "WP07"]
    assert tuple(found["WP07"].dependencies) == ("WP06", "WP003")
    message = said_of("## WP07 B\n\nDepends on: WP6\n", ["WP06", "WP006"])
    assert "line 3" in message


def test_a_remark_stays_in_the_text_and_a_bare_key_does_not() -> None:
    bare = read_outline(file_with("Dependencies: WP01\nBuild it."))["WP02"]
    told = read_outline(file_with("Dependencies: WP01 (the model)\nBuild it."))["WP02"]
    assert bare.prompt == "Build it."
    assert told.prompt == "Dependencies: WP01 (the model)\nBuild it."


LOST_OUTSIDE = [
    "Owned files: src/**",
    "## Owned files\n- src/**",
    "Dependencies: WP01",
    "**Depends on WP01**",
    "Depends on WP01",
    "Blocks: WP02",
    "**Dependencies**:\n- WP01",
    "## Dependencies\n\n- WP01 (the model)",
    "- WP02\n    - Depends on: WP01",
    "Dependencies (WP02): WP01",
    "WP02's dependencies: WP01",
    "WP01 -> WP02",
    "WP01 \u2192 WP02",
    "WP02 <- WP01",
    "WP01 > WP02",
    "WP01 --> WP02 --> WP03",
    "- **Sequence**: WP01 \u2192 WP02",
    "Foundation (WP01) => Core (WP02)",
    "```mermaid\ngraph TD\n  WP01 --> WP02\n```",
    "```mermaid\ngraph TD\n  A[WP01: Model] --> B[WP02]\n```",
    "```mermaid\ngraph TD\n  A[WP01]\n  B[WP02]\n  A --> B\n```",
    "```\nWP01 \u2500\u2500> WP02\n```",
    "```yaml\ndependencies:\n  WP02: [WP01]\n```",
    "    WP02 depends on WP01",
    "WP02 (depends on WP01)",
    "- **WP02** B \u2014 depends on WP01",
    "WP02 waits for WP01",
    "WP02 after WP01",
    "WP01 before WP02",
    "WP01, then WP02",
    "WP02: WP01",
    "All packages depend on WP01",
]
TAKEN_OUTSIDE = [
    "WP02 depends on WP01",
    "**WP02 depends on WP01**",
    "- [ ] WP02 depends on WP01",
    "- Phase\n    - WP02 depends on WP01",
    "WP01 blocks WP02",
    "WP02: depends on WP01",
    "## Dependencies\n- WP02: WP01\n- WP01: none",
    "dependencies:\n  WP02: [WP01]",
    "## Dependencies\n\n| WP02 | WP01 |",
    "| Package | Requires |\n|--|--|\n| WP02 | WP01 |",
    "| Package | Blocked by |\n|--|--|\n| WP02 | WP01 |",
    "| Package | Blocks |\n|--|--|\n| WP01 | WP02 |",
    "| # | Package | Depends on |\n|--|--|--|\n| 1 | WP02 | WP01 |",
    "| Depends on | Package |\n|--|--|\n| WP01 | WP02 |",
    "| Package | Depends on |\n|--|--|\n| WP02 | WP01 |\n\n| Package | Size |\n|--|--|\n| WP02 | S |",
]


def around(part: str) -> tuple[str, str]:
    """Files that have the part before all packages and behind them."""
    packages = "## WP01 A\n\n## WP02 B\n\n## WP03 C\n"
    return f"# Packages\n\n{part}\n\n{packages}", f"# Packages\n\n{packages}\n## Notes\n\n{part}\n"


@pytest.mark.parametrize("part", LOST_OUTSIDE)
def test_what_is_stated_in_no_package_and_cannot_be_taken_is_refused_with_its_line(
    part: str,
) -> None:
    for text in around(part):
        said = re.match(r"tasks\.md, line (\d+): ", refusal(text))
        assert said
        assert text.split("\n")[int(said[1]) - 1].strip() in part


@pytest.mark.parametrize("part", TAKEN_OUTSIDE)
def test_what_names_its_package_may_stand_in_no_package(part: str) -> None:
    for text in around(part):
        assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ()}


def test_a_range_of_packages_may_wait_for_one() -> None:
    text, _ = around("WP02-WP03 depend on WP01")
    assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ("WP01",)}


def test_a_column_of_owned_files_belongs_to_the_packages_in_its_rows() -> None:
    for text in around("| Package | Owned files |\n|--|--|\n| WP02 | src/a.py |\n| WP03 | none |"):
        found = read_outline(text)
        assert tuple(found["WP02"].owned_files) == ("src/a.py",)
        assert tuple(found["WP03"].owned_files) == ()


@pytest.mark.parametrize("summary", [
    "- **Sequence**: WP01 \u2192 WP02 \u2192 WP03 (all in parallel after WP01)",
    "- **Parallelization**: After WP01, WP02 & WP03 may proceed; WP03 waits for WP01.",
    "- WP02 (Core) depends on WP01\n- All others depend on WP01\n- No package depends on WP03",
    "```\nWP01 \u2500\u2500\u252c\u2500\u2500> WP02\n      \u2514\u2500\u2500> WP03\n```",
    "```mermaid\ngraph LR\n  A[WP01: Model] --> B[WP02]\n  A --> C[WP03]\n```",
    "```mermaid\ngantt\n  WP01 :a, 1d\n```",
    "Everything that depends on WP01 waits.\n\n- **MVP**: WP01, WP02\n- WP01 is the foundation.",
    "Dependencies: none\n\n**Prerequisites**: plan.md (required), spec.md",
    "| Task | Package | Parallel? |\n|--|--|--|\n| T001 | WP01 | no |",
])  # fmt: skip
def test_a_summary_of_what_the_packages_state_is_text(summary: str) -> None:
    part = "\n\n## WP01 A\n\nDependencies: none\n\n## WP02 B\n\nDepends on WP01\n\n## WP03 C\n\n"
    packages = f"{part}### Dependencies\n- WP01 (the model)\n"
    for text in (f"# P\n\n{summary}{packages}", f"# P\n{packages}\n## Summary\n\n{summary}\n"):
        assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ("WP01",)}


def test_a_sentence_that_contradicts_a_package_is_refused() -> None:
    text = (
        "## WP01 A\n\n## WP02 B\n\nDependencies: none\n\n## Notes\n\nWP02 (Core) depends on WP01\n"
    )
    assert "line 9" in refusal(text)


def test_a_prompt_may_state_what_an_arrow_tells_of() -> None:
    text = "WP01 \u2192 WP02\n"
    assert not said_of(text, ["WP01", "WP02"], {"WP01": (), "WP02": ("WP01",)})
    assert said_of(text, ["WP01", "WP02"], {"WP01": ()})


@pytest.mark.parametrize("unit", ["WP01 -> ", "depends on ", "WP01 needs a ", "a[(", "* ", "[WP01"])
def test_a_long_line_is_read_in_time_that_grows_with_its_length(unit: str) -> None:
    assert not said_of(f"## WP01 A\n\n{unit * 20_000}\n\n```\n{unit * 20_000}\n```\n")


WORDS = st.lists(
    st.sampled_from(
        ["Depends on", "Dependencies", "Owned files", ":", "WP01", "wp3", "none", "- ", "\n", "### ", " | ",
         "**", "(", ")", "and", "`", "```", "<!--", "-->", "src/**", "[ ] T001", "## WP04 D"]
    ),
    max_size=12,
).map(" ".join)  # fmt: skip


@given(WORDS)
def test_any_text_is_read_or_refused_with_a_line(part: str) -> None:
    message = said_of(file_with(part))
    assert not message or re.match(r"tasks\.md, line \d+: '", message)
