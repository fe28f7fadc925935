"""In a sparse checkout that leaves out the missions, the host keeps them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.integration.workspace_kinds.projects import plain
from tests.integration.workspace_kinds.test_stories import SLUG, Person

TASKS = "\n## WP01 One\n\nOwned files: in/**\n\nDo it.\n"


@pytest.mark.parametrize("folder", ["", "inner"])
@pytest.mark.parametrize("cone", sampled(["--cone", "--no-cone"], every=2))
def test_merge_in_a_sparse_checkout_keeps_every_mission_on_the_disk(
    tmp_path: Path, cone: str, folder: str
) -> None:
    top = tmp_path / "project"
    root = top / folder
    project = plain(top)
    project.git("sparse-checkout", "set", cone, "in")
    (root / "kitty-specs").mkdir(parents=True)
    ada = Person(at=root)
    if not folder:
        ada.host("init")
    for title in ("Story", "Other"):
        ada.host("specify", title)
        slug = f"00{1 if title == 'Story' else 2}-{title.lower()}"
        ada.host("plan", "--mission", slug)
        with (root / "kitty-specs" / slug / "tasks.md").open("a") as tasks:
            tasks.write(TASKS)
        ada.host("tasks", "--mission", slug)
    missions = sorted(it for it in (root / "kitty-specs").rglob("*") if it.is_file())
    ada.work("WP01", {"in/b.txt": b"2\n"}, "--mission", SLUG)
    ada.host("accept", "--mission", SLUG)
    ada.host("merge", "--mission", SLUG)
    assert (top / "in" / "b.txt").read_text() == "2\n"
    assert not (top / "out").exists()
    assert [it for it in missions if not it.exists()] == []
    assert "WP01" in ada.host("status", "--mission", "2")
    assert ada.git("status", "--porcelain") == ""
