"""Fetch the branch of a workspace through upload-pack, git's boundary for untrusted repositories."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from specify_cli.vcs.checkouts import HEADS
from specify_cli.vcs.content_limits import BYTES_SETTING, NewObject
from specify_cli.vcs.errors import LimitExceeded
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.intake_request import IntakeRefused, IntakeSource, missing_branch
from specify_cli.vcs.repository import Repository
from specify_cli.vcs.sandbox import HARDENED, HISTORY_AS_IT_IS, Sandbox
from specify_cli.vcs.scratch_repository import ScratchRepository, scratch_repository

TIP: Final = "refs/spec-kitty/tip"
"""The ref of the fetched branch."""

_FETCHING: Final = (
    *("-c", "transfer.fsckObjects=true"),
    *("-c", "fetch.fsckObjects=true"),
    *("-c", "transfer.bundleURI=false"),
    *("-c", "fetch.uriProtocols="),
    *("-c", "protocol.version=2"),
)
_FLAGS: Final = (
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--no-auto-maintenance",
    "--no-recurse-submodules",
    "--no-write-commit-graph",
    "--refmap=",
)


def require_its_own(
    repo: Repository,
    made: ScratchRepository,
    brought: Sequence[NewObject],
    *,
    source: IntakeSource,
    sandbox: Sandbox,
) -> None:
    """Require that the workspace itself holds the objects that its commits name.

    To know the id of an object must not give access to it. Git does not ask for objects that the
    project has; where the commits name such objects, everything is fetched again.

    Raises:
        IntakeRefused: only the project has one of them.
        GitFailed, OSError: the workspace lacks one of them, or the disk refused.
    """
    named = {it.oid for it in brought}
    if source.shared or named <= made.own():
        return
    with scratch_repository(repo, like=source.base, refs={}, file_bytes=made.file_bytes) as whole:
        fetch(whole, source, sandbox, "--refetch")
        if not named <= whole.own():
            text = "its commits name objects that it does not have itself"
            raise IntakeRefused(text, code="unreadable")


def fetch(made: ScratchRepository, source: IntakeSource, sandbox: Sandbox, *more: str) -> None:
    """Fetch the branch of the workspace as `TIP`; `more` are flags of git-fetch.

    Raises:
        IntakeRefused: the workspace has no such branch.
        LimitExceeded: the pack is larger than a file of the scratch repository may be.
        GitFailed: git cannot read it.
    """
    git_dir = str(source.workspace / ".git")
    variables = [f"{name}={value}" for name, value in HISTORY_AS_IT_IS.items()]
    reader = (
        *("env", *variables, *sandbox.prefix(source.workspace, *source.shared)),
        # Lets git read a repository of another user, for this one command.
        *("git", *HARDENED, "-c", f"safe.directory={git_dir}"),
        *("upload-pack", "--strict", git_dir),
    )
    # Git appends the URL to the command, where `#` makes it a comment. The URL must not name the
    # workspace: git would look for a bundle there and read it without upload-pack.
    command = f"{shlex.join(reader)} #"
    refspec = f"+{HEADS}{source.branch}:{TIP}"
    args = ("fetch", *_FLAGS, *more, f"--upload-pack={command}", ".", refspec)
    # Its children may run as the agent's user, who may not get a lock of the host.
    git = replace(made.git, overrides=(*HARDENED, *_FETCHING), keeps=False)
    done = git.run(*args, check=False)
    if done.returncode == 0:
        return
    if "couldn't find remote ref" in done.stderr:
        raise missing_branch(source)
    if "signal 25" in done.stderr:  # SIGXFSZ, on Linux.
        raise LimitExceeded(f"they have more than {made.file_bytes} bytes ({BYTES_SETTING})")
    raise GitFailed(args, returncode=done.returncode, stderr=done.stderr)
