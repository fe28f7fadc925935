"""Orchestrators that only see two folders get a mission merged."""

from __future__ import annotations

import pytest

from tests.campaign import sampled
from tests.integration.published_client import history
from tests.integration.sandbox import bubblewrap
from tests.integration.sandbox.bubblewrap import CARRIED, EXAMPLES, PYTHON
from tests.integration.sandbox.conftest import PACKAGES, grant, serve
from tests.integration.stage import SLUG, Stage
from tests.patience import LONGEST_S

IN_THE_SANDBOX = [f"{CARRIED}/orchestrator", "/inbox", "/outbox", SLUG]
ORCHESTRATORS = {
    "shell": ("orchestrator.sh", "sh"),
    "python": ("file_orchestrator.py", PYTHON),
}


GRANTS = """\
[orchestrators.nightly]
commands = ["all"]
missions = ["001-*"]
actors = ["shell-*", "example-*"]
[orchestrators.nightly.policy]
network_mode = ["none"]
dangerous_flags = []
"""


@pytest.mark.usefixtures("agents")
@pytest.mark.parametrize(
    ("language", "name"),
    sampled([("shell", "nightly"), ("shell", "default"), ("python", "default")], every=3),
)
def test_mission_goes_from_planned_to_merged(mission: Stage, language: str, name: str):
    if name != "default":
        grant(mission, GRANTS)
    serve(mission, named(name))
    orchestrate(mission, language, named(name))

    for wp_id in PACKAGES:
        assert mission.lane(wp_id) == "done"
    authors = mission.git("log", "--format=%s", "main").splitlines()
    assert {"Write index.py", "Correct query.py", "Write search.py"} <= {*authors}
    assert mission.run("mailbox", "verify").exit_code == 0
    asked = [line for line in mission.journal() if line["door"] == "mailbox"]
    assert {line["identity"] for line in asked} == {name}
    assert_everything_was_said(mission)


def assert_everything_was_said(stage: Stage) -> None:
    """Check that nothing was forced, and that policy, review results and evidence are recorded."""
    assert history.forced(stage) == set()
    history.assert_no_lane_was_skipped(stage)
    for event in history.moving_events(stage):
        if event["to_lane"] != "done":
            assert event["policy_metadata"]["network_mode"] == "none"
        if event["to_lane"] == "approved":
            assert event["review_result"]["verdict"] == "approved"
            assert event["evidence"]["review"]["reference"]


def named(name: str) -> str:
    """The name of the orchestrator's folder in inbox and outbox."""
    return "" if name == "default" else name


def orchestrate(stage: Stage, language: str, folder: str) -> str:
    """Run the orchestrator in its sandbox; it must succeed; return its output."""
    script, interpreter = ORCHESTRATORS[language]
    kitty = stage.root / ".kitty"
    carried = ["--ro-bind", str(EXAMPLES / script), IN_THE_SANDBOX[0]]
    words = [*bubblewrap.carrying(), *carried, interpreter, *IN_THE_SANDBOX]
    return bubblewrap.run(
        kitty / "inbox" / folder, kitty / "outbox" / folder, words, timeout_s=LONGEST_S
    )
