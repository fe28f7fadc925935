"""Documents for contributors and operators: their links resolve, and their numbers are those of the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from specify_cli.mailbox import executor
from specify_cli.storage import record_schema, settings

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
DECISIONS = GITHUB / "decisions"
RECORDS = sorted(DECISIONS.glob("0*.md"))
DOCUMENTS = [ROOT / "CHANGELOG.md", *sorted(GITHUB.glob("*.md")), *sorted(DECISIONS.glob("*.md"))]

LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.M)
LONGEST_RECORD = 60


def anchors(path: Path) -> set[str]:
    """What GitHub calls the headings of the page."""
    headings = HEADING.findall(path.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", it.lower()).replace(" ", "-") for it in headings}


def dead_links(path: Path) -> list[str]:
    dead = []
    for target, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        found = (path.parent / target).resolve() if target else path
        if not found.exists() or (anchor and anchor not in anchors(found)):
            dead.append(f"{target}#{anchor}")
    return dead


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_resolves(path: Path):
    assert dead_links(path) == []


def test_the_index_of_decisions_lists_each_of_them_in_order():
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| \[\d+\]\((.+?)\)", index, re.M) == [it.name for it in RECORDS]
    assert [int(it.name[:4]) for it in RECORDS] == [*range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.name)
def test_a_decision_has_context_decision_and_consequences(path: Path):
    text = path.read_text(encoding="utf-8")

    assert text.startswith(f"# {int(path.name[:4])}. ")
    assert "\nStatus: " in text
    sections = re.findall(r"^## (.+)$", text, re.M)
    named = [it for it in sections if it in ("Context", "Decision", "Consequences")]
    assert named == ["Context", "Decision", "Consequences"]
    if path.name != "0001-one-record.md":  # It also describes the format of the record.
        assert len(text.splitlines()) < LONGEST_RECORD


def test_the_first_decision_describes_each_table_of_the_record():
    text = (DECISIONS / "0001-one-record.md").read_text(encoding="utf-8")
    source = Path(record_schema.__file__).read_text(encoding="utf-8")

    _, _, form = text.partition("## Form")
    described = re.findall(r"^\| `(\w+)` \|", form.partition("\n### ")[0], re.M)
    assert sorted(described) == sorted(re.findall(r"CREATE TABLE (\w+)", source))
    assert f"`user_version` is {record_schema.FORMAT}" in text


def test_security_md_states_the_limits_of_the_code():
    text = (GITHUB / "SECURITY.md").read_text(encoding="utf-8")

    assert f"{executor.SHARE} requests in progress at a time" in text
    assert f"for {settings.HostSettings().trash_days} days by default" in text
    assert f"`git_timeout_s`, {settings.HostSettings().git_timeout_s} seconds" in " ".join(
        text.split()
    )
    assert "## Supported versions" in text
