"""The same environment for the tests everywhere: no user configuration, one git identity, no CI variables."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import freezegun
import pytest
from hypothesis import settings

IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Test Person"), ("EMAIL", "person@example.invalid"))
}
INHERITED = (
    "CI",
    "COLUMNS",  # exported by pytest-xdist, and believed before the terminal's own width
    "EMAIL",
    "GIT_CEILING_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_PARAMETERS",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_WORK_TREE",
    "SPECIFY_REPO_ROOT",
    "SPEC_KITTY_MAILBOX",
    "SPEC_KITTY_MAILBOX_TIMEOUT_S",
    "NO_COLOR",
    "FORCE_COLOR",
    "PYTHONDONTWRITEBYTECODE",  # Without it, every start of the host would compile all modules.
)

# The same for the tests themselves, whose assertions are rewritten when they are compiled.
sys.dont_write_bytecode = False

INTEGRATION = Path(__file__).with_name("integration")
MEMORY = Path("/dev/shm")
MEMORY_IN_USE = 2 * 1024**3
"""Several times what the tests write."""

# The same examples in every run, and no deadline: a busy machine is not a failure. Fewer examples than
# the default of 100, because people wait for these tests; once a week, many and others:
# `pytest -m hypothesis --hypothesis-profile=campaign`.
settings.register_profile("spec-kitty", deadline=None, derandomize=True, max_examples=25)
settings.register_profile("campaign", deadline=None, max_examples=1_000)
settings.load_profile("spec-kitty")

# A test that freezes the clock is still timed by the real one.
freezegun.configure(extend_ignore_list=["_pytest.timing"])


def pytest_configure() -> None:
    """Temporary folders lie in memory, where there is enough of it.

    The thousands of syncs prove nothing there or on a disk, and wait for everybody who uses the disk.
    """
    if _is_usable(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Without long tests, nothing of tests/integration would run; to collect it takes seconds."""
    is_usual = config.option.markexpr == "not long and not campaign"
    return True if is_usual and collection_path == INTEGRATION else None


def pytest_collection_finish() -> None:
    """Exclude the objects that live until the end from garbage collection."""
    gc.freeze()


def _is_usable(folder: Path) -> bool:
    """Whether programs in the folder can be started, and there is space; a container may have 64 MiB."""
    if not os.access(folder, os.W_OK):
        return False
    can_execute = not os.statvfs(folder).f_flag & os.ST_NOEXEC
    return can_execute and shutil.disk_usage(folder).free > MEMORY_IN_USE


@pytest.fixture(scope="session", autouse=True)
def nobodys_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The environment of this process, and so of every process that a test starts."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as environment:
        # A build that runs in the background ignores Ctrl-C, one under nohup a hangup; and all that
        # it starts would, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for name in INHERITED:
            environment.delenv(name, raising=False)
        for name, value in (_ways_to_packages() | _isolation(home) | IDENTITY).items():
            environment.setenv(name, value)
        # It waits for what the whole machine has written, and only a loss of power shows what it is
        # for: `tests.durability` watches for the call.
        environment.setattr(os, "sync", lambda: None)
        yield


def _isolation(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_STATE_HOME": str(home / ".local" / "state"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
    }


def _ways_to_packages() -> dict[str, str]:
    """How this machine reaches its package registry, for the tests that install something."""
    home = Path.home()
    configuration = home / ".config" / "pip" / "pip.conf"
    ways = {
        "PIP_CACHE_DIR": home / ".cache" / "pip",
        "PIP_CONFIG_FILE": configuration if configuration.is_file() else None,
        "PYENV_ROOT": home / ".pyenv" if (home / ".pyenv").is_dir() else None,
    }
    return {name: os.environ.get(name, str(path)) for name, path in ways.items() if path}
