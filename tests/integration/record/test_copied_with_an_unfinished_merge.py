"""A project that is copied while a merge is unfinished."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli import bootstrap
from specify_cli.workflow.merge_run import MergeRun
from tests.copies import copied
from tests.integration.stage import SLUG, Stage

pytestmark = pytest.mark.long


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


def test_copy_completes_an_unfinished_merge_only_after_doctor_fix(
    stage: Stage, tmp_path: Path
) -> None:
    stage.write_mission({"WP01": {}})
    stage.approve("WP01", {"one.txt": "1\n"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MergeRun, "_record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            stage.ask("merge-mission", mission=SLUG, correlation_id="killed")
    copy = Stage(root=tmp_path / "copy")
    copied(stage.root, copy.root)
    bootstrap.dispatcher(copy.root).settle_intents()
    assert copy.lane("WP01") == "approved"
    refused = copy.run("merge")
    assert refused.exit_code == 1
    assert b"spec-kitty doctor --fix" in refused.stderr
    told = copy.run("doctor")
    assert b"'merge' of request killed was begun at" in told.stdout
    assert copy.run("doctor", "--fix").exit_code == 0
    bootstrap.dispatcher(copy.root).settle_intents()
    assert copy.lane("WP01") == "done"
    assert copy.journal()[-1]["correlation_id"] == "killed"
    # The original is unchanged.
    assert stage.lane("WP01") == "approved"
