"""`init` prepares the folder that has missions, and names it."""

from __future__ import annotations

import pytest

from tests.integration.stage import Stage


def test_init_prepares_the_folder_that_has_missions(stage: Stage) -> None:
    inner = stage.root / "service"
    (inner / "kitty-specs").mkdir(parents=True)
    (inner / "src").mkdir()
    for folder in (inner, inner / "src"):
        done = stage.run("init", cwd=folder)
        assert done.exit_code == 0
        assert f"project: {inner}\n".encode() in done.stdout
    assert f"the missions are in {inner}/kitty-specs".encode() in done.stdout
    assert (inner / ".kitty").is_dir()
    assert not (stage.root / ".kitty").exists()
    assert not (stage.root / "kitty-specs").exists()


@pytest.mark.parametrize("folder", [".", "src"])
def test_init_prepares_the_repository_root_by_default(stage: Stage, folder: str) -> None:
    (stage.root / folder).mkdir(exist_ok=True)
    done = stage.run("init", cwd=stage.root / folder)
    assert f"project: {stage.root}\n".encode() in done.stdout
    assert (stage.root / "kitty-specs").is_dir()
