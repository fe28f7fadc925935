"""Run git; this is the only module of the host that starts a process."""

from __future__ import annotations

import math
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

from specify_cli import batch, processes
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.patterns import pattern
from specify_cli.vcs.child_process import ProcessStopped, TimeLimit, communicate, ended_by_signals

HOOKS_OFF: Final = ("-c", f"core.hooksPath={os.devnull}")

DOWNLOADS_OFF: Final = (
    *("-c", "lfs.url=http://localhost:0"),
    *("-c", "lfs.skipDownloadErrors=true"),
)
"""Git-lfs uses local objects only: `.lfsconfig`, which an agent can commit, names the server."""

OVERRIDES: Final = (
    *("-c", "commit.gpgSign=false"),
    # A ref or an object that is there after a power loss is whole.
    *("-c", "core.fsync=objects,reference,index"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.quotePath=false"),
    *("-c", "core.safecrlf=false"),
    # Git would put the shared part of a scratch index into the project's git folder, and remove
    # expired ones there, which the user's index may need.
    *("-c", "core.splitIndex=false"),
    *("-c", "gc.auto=0"),
    *("-c", "i18n.commitEncoding=UTF-8"),
    *("-c", "maintenance.auto=false"),
    *("-c", "merge.conflictStyle=merge"),
    *("-c", "merge.directoryRenames=conflict"),
    *("-c", "merge.renames=true"),
    *("-c", "status.showUntrackedFiles=normal"),
    *("-c", "submodule.recurse=false"),
)
"""Overrides of user settings that would change the answers of git."""

FALLBACK_NAME: Final = "spec-kitty"
FALLBACK_EMAIL: Final = "spec-kitty@localhost"

# `git rev-parse --local-env-vars`, but for the configuration ones: those carry the user's own
# settings (`safe.directory` in containers) and point at no other repository.
_REDIRECTING: Final = frozenset(
    {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_CONFIG",
        "GIT_DIR",
        "GIT_GRAFT_FILE",
        "GIT_GLOB_PATHSPECS",
        "GIT_ICASE_PATHSPECS",
        "GIT_IMPLICIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_INTERNAL_SUPER_PREFIX",
        "GIT_LITERAL_PATHSPECS",
        "GIT_NAMESPACE",
        "GIT_NOGLOB_PATHSPECS",
        "GIT_NO_REPLACE_OBJECTS",
        "GIT_OBJECT_DIRECTORY",
        "GIT_PREFIX",
        "GIT_QUARANTINE_PATH",
        "GIT_REPLACE_REF_BASE",
        "GIT_SHALLOW_FILE",
        "GIT_WORK_TREE",
    }
)

_FIXED: Final = {
    "LC_ALL": "C",
    "GIT_EDITOR": ":",
    # Ignore local grafts and replacements of history.
    "GIT_GRAFT_FILE": f"{os.devnull}/none",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}

_LOCKED: Final = pattern(r"Unable to create '(?P<lock>/.*\.lock)': File exists")
_MOST_OF_HEAD: Final = 64 * 1024

_kept: ContextVar[tuple[int, ...]] = ContextVar("_kept", default=())


@contextmanager
def inheriting(descriptor: int) -> Iterator[None]:
    """Let every git that this thread runs in the block inherit the descriptor.

    For the descriptor of a lock: a git that outlives its killed host keeps the lock taken.
    """
    token = _kept.set((*_kept.get(), descriptor))
    try:
        yield
    finally:
        _kept.reset(token)


_timeout_s: ContextVar[float] = ContextVar("_timeout_s", default=120)


def set_time_limit(seconds: float) -> None:
    """Set the default time limit of every git that this thread runs from now on."""
    _timeout_s.set(seconds)


_until: ContextVar[float] = ContextVar("_until", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the total time of all git commands that this thread runs in the block."""
    token = _until.set(min(time.monotonic() + seconds, _until.get()))
    try:
        yield
    finally:
        _until.reset(token)


def time_limit() -> float:
    """Return the seconds that a git started now has by default."""
    return min(_timeout_s.get(), max(_until.get() - time.monotonic(), 0))


def _ending(returncode: int) -> str:
    with suppress(ValueError):
        return f"killed by {signal.Signals(-returncode).name}"
    return f"exit code {returncode}"


class GitFailed(Exception):
    """A git command failed; `stderr` is its message."""

    def __init__(self, arguments: tuple[str, ...], *, returncode: int, stderr: str) -> None:
        super().__init__(f"git {' '.join(arguments[:2])}: {stderr or _ending(returncode)}")
        self.arguments = arguments
        self.returncode = returncode
        self.stderr = stderr


@dataclass(frozen=True, slots=True, kw_only=True)
class GitResult:
    """The exit status and output of a git command."""

    returncode: int
    stdout: bytes
    stderr: str

    @property
    def fields(self) -> list[str]:
        """The NUL-terminated fields of an answer given with `-z`."""
        return [os.fsdecode(field) for field in self.stdout.split(b"\0")[:-1]]

    @property
    def lines(self) -> list[str]:
        """The lines of an answer without file names."""
        return os.fsdecode(self.stdout).splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Git in one folder, without the settings and variables that would change its answers."""

    folder: Path
    overrides: tuple[str, ...] = HOOKS_OFF + DOWNLOADS_OFF + OVERRIDES
    # Whether git inherits locks; off where it may start a long-lived process such as a credential
    # cache.
    keeps: bool = True
    # Variables that name the repository, where the `.git` of the folder is not trusted.
    location: Mapping[str, str] = field(default_factory=dict)
    # The command that starts git: limits, a sandbox.
    prefix: tuple[str, ...] = ()
    # The whole environment, where this process's own is not passed on; git's children are then
    # ended with it.
    environment: Mapping[str, str] | None = None

    def run(
        self,
        *args: str,
        input: bytes | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout_s: float | None = None,
        output: IO[bytes] | None = None,
        enough: int | None = None,
    ) -> GitResult:
        """Run git to its end, within `timeout_s` (default: `time_limit()`).

        With `output`, standard output goes to that file and is not in the result. Git is ended once
        it has printed more than `enough` bytes, which is not a failure.

        Raises:
            GitFailed: exit status other than 0 (unless `check` is off), no git, out of time.
        """
        command = (*self.prefix, "git", *self.overrides, "-C", str(self.folder), *args)
        kept = _kept.get() if self.keeps else ()
        setting = "push_timeout_s" if args[0] == "push" else "git_timeout_s"
        mark = {processes.VARIABLE: str(processes.this_process())} if kept else {}
        variables = _environment(self.environment, {**self.location, **(env or {}), **mark})
        try:
            with ended_by_signals():
                process = _started(command, env=variables, kept=kept, output=output)
                ended = communicate(
                    process,
                    input or b"",
                    limit=TimeLimit(setting=setting, seconds=timeout_s or time_limit()),
                    # Nor may a child keep the lock.
                    leaves_nothing=bool(kept) or self.environment is not None,
                    enough=enough,
                )
        except (OSError, ValueError, ProcessStopped) as error:
            raise GitFailed(args, returncode=-1, stderr=str(error)) from error
        stderr = _advised(ended.stderr.decode("utf-8", "replace").strip())
        done = GitResult(returncode=ended.returncode, stdout=ended.stdout, stderr=stderr)
        has_enough = enough is not None and len(done.stdout) > enough
        if check and done.returncode and not has_enough:
            raise GitFailed(args, returncode=done.returncode, stderr=done.stderr)
        return done

    def text(self, *args: str) -> str:
        """Return the stripped output of git as text.

        Raises:
            GitFailed: as `run` does.
        """
        return os.fsdecode(self.run(*args).stdout).strip()

    def with_identity(self) -> Git:
        """Return a git that can commit: as the user, or as spec-kitty where the user has no identity."""
        found = self.run("config", "-z", "--get-regexp", r"^user\.(name|email)$", check=False)
        known = dict(field.split("\n", 1) for field in found.fields if "\n" in field)
        extra: list[str] = []
        if not known.get("user.name", "").strip():
            extra += ["-c", f"user.name={FALLBACK_NAME}"]
        if not known.get("user.email", "").strip() and not os.environ.get("EMAIL"):
            extra += ["-c", f"user.email={FALLBACK_EMAIL}"]
        return replace(self, overrides=(*self.overrides, *extra))


def _environment(whole: Mapping[str, str] | None, extra: Mapping[str, str]) -> dict[str, str]:
    if whole is not None:
        return {**whole, **extra}
    inherited = {name: value for name, value in os.environ.items() if name not in _REDIRECTING}
    return {**inherited, **_FIXED, **extra}


def _started(
    command: tuple[str, ...],
    *,
    env: dict[str, str],
    kept: tuple[int, ...],
    output: IO[bytes] | None,
) -> subprocess.Popen[bytes]:
    processes.require_time()
    batch.require_none()
    # A session of its own: Ctrl-C at the worker's terminal must not interrupt an update, a
    # credential helper finds no terminal to wait at, and all children can be ended.
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=output or subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        start_new_session=True,
        pass_fds=kept,
    )


def _advised(stderr: str) -> str:
    """Return the message of git; where a lock is in the way, with the command that removes it."""
    found = _LOCKED.search(stderr)
    if found is None:
        return stderr
    locks = [found["lock"], *_lock_of_branch(Path(found["lock"]))]
    return f"{stderr}\nOnce no git process runs there: rm -f {shlex.join(locks)}"


def _lock_of_branch(lock: Path) -> Iterator[str]:
    """Yield the lock of the branch that HEAD names: git takes both and names only the first."""
    if lock.name == "HEAD.lock":
        with suppress(OSError, ValueError, NotRegular, TooLarge):
            said = read_regular(lock.with_suffix(""), max_bytes=_MOST_OF_HEAD).decode()
            other = lock.parent / f"{said.removeprefix('ref:').strip()}.lock"
            # An agent can write HEAD: the advice must not name a file outside this git folder.
            is_here = os.path.realpath(other) == str(other)
            if is_here and other.is_relative_to(lock.parent / "refs/heads") and other.exists():
                yield str(other)
