"""Workspaces of agents, and agents in the sandbox of `examples/in-sandbox.sh`."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from specify_cli.vcs import mirrors
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.workspaces import Objects, WorkspaceSpec, make
from tests.integration.sandbox.bubblewrap import EXAMPLES
from tests.integration.stage import SLUG, SOURCE, Outcome, Stage
from tests.patience import LONGEST_S

LANE = f"kitty/mission-{SLUG}-lane-a"
# Where the guide binds the workspaces and the prompts in the sandbox of an orchestrator.
TREES, PROMPTS = "/trees", "/prompts"


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """The workspace of an agent; `script` starts its sandbox."""

    stage: Stage
    owner: int | None = None
    script: Path = EXAMPLES / "in-sandbox.sh"

    @property
    def path(self) -> Path:
        return self.stage.root / ".worktrees" / f"{SLUG}-lane-a"

    @property
    def mirror(self) -> Path:
        return self.stage.root / ".worktrees" / ".mirror" / f"{SLUG}.git"

    @property
    def prompt(self) -> Path:
        return self.stage.root / "kitty-specs" / SLUG / "tasks" / "WP01-step.md"

    def make(self, objects: Objects = Objects.COPIED) -> Workspace:
        """Make it as the host does."""
        repo, base = Repository(root=self.stage.root), self.stage.git("rev-parse", "HEAD")
        self.update_mirror(objects)
        order = WorkspaceSpec(
            path=self.path,
            branch=LANE,
            commit=base,
            upstream="main",
            branches={"main": base},
            mirror=self.mirror,
            objects=objects,
            owner=self.owner,
        )
        make(repo, order)
        return self

    def update_mirror(self, objects: Objects = Objects.COPIED) -> None:
        """Update the mirror from the project."""
        self.mirror.parent.parent.mkdir(exist_ok=True)
        repo = Repository(root=self.stage.root)
        mirrors.update(repo, self.mirror, ["main"], objects=objects)

    def inside(self, script: str, *options: str) -> Outcome:
        """Run a shell script as the agent in the sandbox."""
        places = ["--workspace", str(self.path), "--prompt", str(self.prompt)]
        return self.start([*places, *options, "sh", "-ec", script])

    def start(self, words: Sequence[str]) -> Outcome:
        """Run the script that starts sandboxes."""
        uid = self.owner
        user = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid else []
        done = subprocess.run(
            [*user, str(self.script), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=LONGEST_S,
        )
        return Outcome(exit_code=done.returncode, stdout=done.stdout, stderr=done.stderr)


def of_all_agents(stage: Stage) -> list[str]:
    """The guide's options that bind all workspaces and prompts in the sandbox of an orchestrator."""
    for name in (".mirror", ".making", ".trash"):
        (stage.root / ".worktrees" / name).mkdir(parents=True, exist_ok=True)
    guide = (SOURCE / "specify_cli/guides/sandbox.md").read_text(encoding="utf-8")
    [block] = [
        it for it in guide.split("```text\n") if f"{TREES}/.making" in it.partition("```")[0]
    ]
    words = block.partition("```")[0].replace("\\\n", " ").splitlines()[1].split()
    options = words[words.index("OUTBOX") + 1 : -1]
    ours = (".worktrees", "kitty-specs")
    return [str(stage.root / it) if it.startswith(ours) else it for it in options]
