"""Confine a git that reads files of an agent: bubblewrap where it works, resource limits, another user."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from specify_cli import processes
from specify_cli.vcs.git import Git, GitFailed

NO_GROUP: Final = 65_534
"""The group of a git that runs as an agent's user, and not a group of that user: the kernel then
lets the agent not trace the process. Source: ptrace(2), "access mode checking"."""

MEMORY_BYTES: Final = 4 * 1024**3
"""Address space of each process: packs and their indexes are mapped into it."""

HARDENED: Final = (
    *("-c", f"core.hooksPath={os.devnull}"),
    *("-c", f"core.attributesFile={os.devnull}"),
    *("-c", f"core.excludesFile={os.devnull}"),
    *("-c", "core.fsmonitor=false"),
    # Do not read the refs of the alternate: there may be a million.
    *("-c", "core.alternateRefsCommand=true"),
    *("-c", "core.fsync=objects,reference"),
    *("-c", "core.packedGitWindowSize=32m"),
    *("-c", "core.packedGitLimit=256m"),
    *("-c", "core.protectHFS=true"),
    *("-c", "core.protectNTFS=true"),
    *("-c", "core.quotePath=false"),
    *("-c", "gc.auto=0"),
    *("-c", "maintenance.auto=false"),
    *("-c", "pack.threads=1"),
    *("-c", "pack.windowMemory=128m"),
    *("-c", "submodule.recurse=false"),
)
"""Settings that override every file: no program is started, and memory is bounded."""

HISTORY_AS_IT_IS: Final = {
    "GIT_GRAFT_FILE": f"{os.devnull}/none",
    "GIT_NO_REPLACE_OBJECTS": "1",
}

# Programs and their libraries, never the whole of /usr: /usr/src and /usr/local may hold repositories.
_PROGRAMS: Final = ("/usr/bin", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libexec")
_ALIASES: Final = ("/bin", "/lib", "/lib32", "/lib64", "/sbin")
_STORES: Final = ("/nix/store", "/gnu/store", "/etc/ld.so.cache")
_PROBE_S: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """How to start a git that reads a folder of an agent.

    `is_isolated` where git sees that folder and no other data of this machine; `user` where it runs
    as the folder's owner instead of root.
    """

    is_isolated: bool
    user: tuple[int, int] | None = None

    def prefix(self, *readable: Path) -> tuple[str, ...]:
        """Return the command to start git with, so that it reads these paths and, if isolated, no others."""
        if not self.is_isolated:
            return _as_user(self.user)
        return (*_bubblewrap(readable, is_root=self.user is not None), *_as_user(self.user))

    def git(self, folder: Path, *, readable: Sequence[Path], location: Mapping[str, str]) -> Git:
        """Return a git in `folder` that reads only these paths where the sandbox is isolated, and writes nothing there."""
        return Git(
            folder=folder,
            overrides=HARDENED,
            location=location,
            prefix=(*_limits(0), *self.prefix(*readable)),
            environment=environment(),
            # It may run as the agent's user, who may not get a lock of the host.
            keeps=False,
        )


def sandbox_for(folder: Path) -> Sandbox:
    """Return the sandbox for a folder of an agent; what works is probed once in this process.

    Raises:
        OSError: the folder is missing.
    """
    owner = folder.lstat()
    user = None
    if os.geteuid() == 0 and owner.st_uid != 0 and shutil.which("setpriv"):
        user = (owner.st_uid, NO_GROUP)
    return Sandbox(is_isolated=_works(user is not None), user=user)


def limited_git(folder: Path, *, location: Mapping[str, str], file_bytes: int) -> Git:
    """Return a git in a folder of the host that cannot write a file larger than `file_bytes`."""
    return Git(
        folder=folder,
        overrides=HARDENED,
        location=location,
        prefix=_limits(file_bytes),
        environment=environment(),
    )


def environment() -> dict[str, str]:
    """Return the whole environment of a confined git."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.devnull,
        "LC_ALL": "C",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        # In a partial clone git would start what its remote names.
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        # Identifies processes that a killed host left running.
        processes.VARIABLE: str(processes.this_process()),
        **HISTORY_AS_IT_IS,
    }


@cache
def _works(as_another: bool) -> bool:  # noqa: FBT001  the key of a cache
    if shutil.which("bwrap") is None:
        return False
    user = (os.geteuid() or 1, os.getegid() or 1) if as_another else None
    with tempfile.TemporaryDirectory(prefix="spec-kitty-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        try:
            git = Sandbox(is_isolated=True, user=user).git(folder, readable=[folder], location={})
            git.run("version", timeout_s=_PROBE_S)
        except GitFailed:
            return False
    return True


def _limits(file_bytes: int) -> tuple[str, ...]:
    program = shutil.which("prlimit")
    if program is None:
        return ()
    return (program, f"--fsize={file_bytes}", f"--as={MEMORY_BYTES}", "--core=0", "--")


def _as_user(user: tuple[int, int] | None) -> tuple[str, ...]:
    if user is None:
        return ()
    uid, gid = user
    return ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--")


def _bubblewrap(readable: Sequence[Path], *, is_root: bool) -> tuple[str, ...]:
    """Return the bubblewrap command; for root that becomes another user it has no user namespace.

    It stays in the process group and session of its parent, so that it ends with them.
    """
    spaces = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts")
    rights = ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID") if is_root else ()
    return (
        *("bwrap", *(spaces if is_root else ("--unshare-all",)), "--die-with-parent"),
        *("--cap-drop", "ALL", *rights),
        *_folders([os.devnull, *_PROGRAMS, *_STORES, *_git_elsewhere(), *map(str, readable)]),
        *_programs(),
        *("--dev-bind", os.devnull, os.devnull),
        *(word for path in readable for word in ("--ro-bind", str(path), str(path))),
        *("--remount-ro", "/", "--chdir", "/", "--"),
    )


def _folders(paths: Iterable[str]) -> Iterator[str]:
    """Yield options that create every folder above the paths: bubblewrap would make them for its own user alone."""
    above = {str(parent) for path in paths for parent in Path(path).parents}
    for folder in sorted(above - {"/"}):
        yield from ("--dir", folder)


@cache
def _programs() -> tuple[str, ...]:
    # A link is bound as the folder that it names.
    names = (*_ALIASES, *_PROGRAMS, *_STORES, *_git_elsewhere())
    return tuple(word for name in names for word in ("--ro-bind-try", name, name))


def _git_elsewhere() -> Iterator[str]:
    """Yield the folders of a git that is not the system's own."""
    found = shutil.which("git") or ""
    for program in {found, os.path.realpath(found)} if found else ():
        if Path(program).parent.as_posix() not in (*_PROGRAMS, *_ALIASES):
            prefix = Path(program).parent.parent
            yield from (str(prefix / name) for name in ("bin", "lib", "libexec"))
