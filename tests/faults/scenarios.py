"""One request of each command, and the project before it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from specify_cli.protocol import READS
from specify_cli.storage.layout import Layout
from tests.integration.stage import APPROVED, POLICY, SLUG, Stage

PACKAGES: Mapping[str, Mapping[str, Any]] = {
    "WP01": {"owned_files": ["src/one/**"]},
    "WP02": {"owned_files": ["src/two/**"], "dependencies": ["WP01"]},
}


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A request, and the state of the project before it."""

    name: str
    command: str
    prepare: Callable[[Stage], object]
    args: Mapping[str, Any] = field(default_factory=dict)
    has_policy: bool = False

    @property
    def policy(self) -> Any:
        """The policy of the request."""
        return POLICY if self.has_policy else None

    def words(self, correlation_id: str) -> list[str]:
        """The request as the words of a command line."""
        words = ["orchestrator-api", self.command]
        for name, value in self.args.items():
            flag = f"--{name.replace('_', '-')}"
            for each in value if isinstance(value, list) else [value]:
                words += [flag] if each is True else [flag, str(each)]
        if self.policy:
            words += ["--policy", json.dumps(self.policy)]
        is_read = self.command in READS
        return words if is_read else [*words, "--correlation-id", correlation_id]


def _written(stage: Stage) -> None:
    stage.make_repository()
    stage.write_mission(PACKAGES)
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the mission")


def _with_subtasks(stage: Stage) -> None:
    stage.make_repository()
    stage.write_mission({"WP01": {**PACKAGES["WP01"], "subtasks": ["T001", "T002"]}})
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the mission")


def _started(stage: Stage) -> None:
    _written(stage)
    begun = stage.done("start-implementation", mission=SLUG, wp="WP01", actor="coder")
    stage.git("config", "gc.auto", "0")
    stage.commit({"src/one/work": "one\n"}, folder=stage.root / begun["workspace_path"])


def _silent(stage: Stage) -> None:
    """Make the claim stale by the rule, even if the clock is set back by years."""
    _started(stage)
    worktree = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    stage.git("commit", "-q", "--amend", "-m", "work", "--date", LONG_AGO, folder=worktree)
    stage.git("rebase", "-q", "-f", "--committer-date-is-author-date", "HEAD~1", folder=worktree)
    lines = [json.loads(line) | {"at": LONG_AGO} for line in stage.log().read_text().splitlines()]
    stage.put_log("".join(json.dumps(line) + "\n" for line in lines))
    (stage.root / ".kitty/config.toml").write_text("stale_after_s = 3600\n")


def _handed_over(stage: Stage) -> None:
    _started(stage)
    ready = {"to": "for_review", "subtasks_complete": True}
    stage.done("transition", mission=SLUG, wp="WP01", actor="coder", **ready)


def _first_approved(stage: Stage) -> None:
    _handed_over(stage)
    stage.done("start-review", mission=SLUG, wp="WP01", actor="reviewer")
    passed = {"to": "approved", "review_result": APPROVED}
    stage.done("transition", mission=SLUG, wp="WP01", actor="reviewer", **passed)


def _approved(stage: Stage) -> None:
    _first_approved(stage)
    stage.approve("WP02", {"src/two/work": "two\n"})


def _lane_goes_on(stage: Stage) -> None:
    """The next package of an execution lane depends on another execution lane, so its workspace is replaced."""
    stage.make_repository()
    stage.write_mission(
        {**PACKAGES, "WP03": {"owned_files": ["src/one/**"], "dependencies": ["WP02"]}}
    )
    stage.git("add", "kitty-specs")
    stage.git("commit", "-q", "-m", "the mission")
    stage.git("config", "gc.auto", "0")
    stage.approve("WP01", {"src/one/work": "one\n"})
    stage.approve("WP02", {"src/two/work": "two\n"})


def _lane_is_linked(stage: Stage) -> None:
    """As before, but the workspace is a linked worktree of an earlier version."""
    _lane_goes_on(stage)
    place = stage.root / ".worktrees" / f"{SLUG}-lane-a"
    shutil.rmtree(place)
    (Layout(stage.root).host / "workspaces" / f"{place.name}.json").unlink()
    stage.git("worktree", "add", "-q", str(place), f"kitty/mission-{SLUG}-lane-a")


LONG_AGO = "2001-01-05T09:01:00+00:00"
MISSION = {"mission": SLUG}
CODER = {"mission": SLUG, "wp": "WP01", "actor": "coder"}
ALL = (
    Scenario(name="contract-version", command="contract-version", prepare=_written),
    Scenario(name="mission-state", command="mission-state", prepare=_written, args=MISSION),
    Scenario(name="list-ready", command="list-ready", prepare=_started, args=MISSION),
    Scenario(
        name="resolve-workspace",
        command="resolve-workspace",
        prepare=_started,
        args={"mission": SLUG, "wp": "WP01"},
    ),
    Scenario(name="list-missions", command="list-missions", prepare=_started),
    Scenario(
        name="show-prompt",
        command="show-prompt",
        prepare=_with_subtasks,
        args={"mission": SLUG, "wp": "WP01"},
    ),
    Scenario(
        name="package-history",
        command="package-history",
        prepare=_started,
        args={"mission": SLUG, "wp": "WP01"},
    ),
    Scenario(
        name="mark-subtasks",
        command="mark-subtasks",
        prepare=_with_subtasks,
        args={**CODER, "subtasks": ["T001", "T002"], "status": "done"},
    ),
    Scenario(
        name="start-implementation",
        command="start-implementation",
        prepare=_written,
        args=CODER,
        has_policy=True,
    ),
    Scenario(
        name="start-implementation/dependency",
        command="start-implementation",
        prepare=_first_approved,
        args={"mission": SLUG, "wp": "WP02", "actor": "coder"},
        has_policy=True,
    ),
    *(
        Scenario(
            name=f"start-implementation/{name}",
            command="start-implementation",
            prepare=prepare,
            args={"mission": SLUG, "wp": "WP03", "actor": "coder"},
            has_policy=True,
        )
        for name, prepare in (("replaced", _lane_goes_on), ("linked", _lane_is_linked))
    ),
    Scenario(
        name="start-review",
        command="start-review",
        prepare=_handed_over,
        args={"mission": SLUG, "wp": "WP01", "actor": "reviewer"},
        has_policy=True,
    ),
    Scenario(
        name="transition",
        command="transition",
        prepare=_started,
        args={**CODER, "to": "for_review", "subtasks_complete": True},
        has_policy=True,
    ),
    Scenario(
        name="append-history",
        command="append-history",
        prepare=_started,
        args={**CODER, "note": "half way"},
    ),
    Scenario(name="heartbeat", command="heartbeat", prepare=_started, args=CODER),
    Scenario(
        name="release-claim",
        command="release-claim",
        prepare=_silent,
        args={"mission": SLUG, "wp": "WP01", "actor": "lead", "note": "no sign of life"},
    ),
    Scenario(
        name="accept-mission",
        command="accept-mission",
        prepare=_approved,
        args={"mission": SLUG, "actor": "lead"},
    ),
    *(
        Scenario(
            name=f"merge-mission/{strategy}",
            command="merge-mission",
            prepare=_approved,
            args={"mission": SLUG, "strategy": strategy},
        )
        for strategy in ("merge", "squash", "rebase")
    ),
)
BY_NAME = {scenario.name: scenario for scenario in ALL}
