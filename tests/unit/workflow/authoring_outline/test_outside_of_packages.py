"""Statements outside of the sections of packages, and arbitrary text."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from specify_cli.workflow.authoring_outline import read_outline
from tests.unit.workflow.authoring_outline.outlines import file_with, needs, refusal, said_of

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
    """Two files: the part before all packages, and after them."""
    packages = "## WP01 A\n\n## WP02 B\n\n## WP03 C\n"
    return f"# Packages\n\n{part}\n\n{packages}", f"# Packages\n\n{packages}\n## Notes\n\n{part}\n"


@pytest.mark.parametrize("part", LOST_OUTSIDE)
def test_an_ambiguous_statement_outside_of_packages_is_refused_with_its_line(
    part: str,
) -> None:
    for text in around(part):
        said = re.match(r"tasks\.md, line (\d+): ", refusal(text))
        assert said
        assert text.split("\n")[int(said[1]) - 1].strip() in part


@pytest.mark.parametrize("part", TAKEN_OUTSIDE)
def test_a_statement_outside_of_packages_is_read_if_it_names_its_package(part: str) -> None:
    for text in around(part):
        assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ()}


def test_a_range_of_packages_may_depend_on_one_package() -> None:
    text, _ = around("WP02-WP03 depend on WP01")
    assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ("WP01",)}


def test_a_table_column_of_owned_files_applies_to_the_package_of_each_row() -> None:
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
def test_a_summary_that_agrees_with_the_packages_is_text(summary: str) -> None:
    part = "\n\n## WP01 A\n\nDependencies: none\n\n## WP02 B\n\nDepends on WP01\n\n## WP03 C\n\n"
    packages = f"{part}### Dependencies\n- WP01 (the model)\n"
    for text in (f"# P\n\n{summary}{packages}", f"# P\n{packages}\n## Summary\n\n{summary}\n"):
        assert needs(text) == {"WP01": (), "WP02": ("WP01",), "WP03": ("WP01",)}


def test_a_sentence_that_contradicts_a_package_is_refused() -> None:
    text = (
        "## WP01 A\n\n## WP02 B\n\nDependencies: none\n\n## Notes\n\nWP02 (Core) depends on WP01\n"
    )
    assert "line 9" in refusal(text)


def test_an_arrow_is_accepted_if_a_prompt_states_the_same_dependency() -> None:
    text = "WP01 \u2192 WP02\n"
    assert not said_of(text, ["WP01", "WP02"], {"WP01": (), "WP02": ("WP01",)})
    assert said_of(text, ["WP01", "WP02"], {"WP01": ()})


@pytest.mark.parametrize("unit", ["WP01 -> ", "depends on ", "WP01 needs a ", "a[(", "* ", "[WP01"])
def test_a_long_line_is_read_in_linear_time(unit: str) -> None:
    assert not said_of(f"## WP01 A\n\n{unit * 10_000}\n\n```\n{unit * 10_000}\n```\n")


WORDS = st.lists(
    st.sampled_from(
        ["Depends on", "Dependencies", "Owned files", ":", "WP01", "wp3", "none", "- ", "\n", "### ", " | ",
         "**", "(", ")", "and", "`", "```", "<!--", "-->", "src/**", "[ ] T001", "## WP04 D"]
    ),
    max_size=12,
).map(" ".join)  # fmt: skip


@given(WORDS)
def test_any_text_is_read_or_refused_with_a_line_number(part: str) -> None:
    message = said_of(file_with(part))
    assert not message or re.match(r"tasks\.md, line \d+: '", message)
