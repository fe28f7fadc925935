from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from specify_cli import bootstrap, worker_setup
from specify_cli.errors import StateUnreadable
from specify_cli.orchestrator_api import registry
from specify_cli.orchestrator_api.access import Access
from specify_cli.orchestrator_api.grants import everything
from tests.integration.stage import Stage
from tests.unit.orchestrator_api.doors import configure

OPEN = '[orchestrators.default]\ncommands = ["all"]\n'
READS = ("contract-version", "mission-state", "list-ready", "resolve-workspace")
LATER_READS = ("list-missions", "show-prompt", "package-history")


def config(project: Stage) -> Path:
    return project.root / ".kitty" / "config.toml"


def replaced_by_a_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere.toml"))
    path.symlink_to("elsewhere.toml")


def replaced_by_a_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere")


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replaced_by_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


def in_a_linked_folder(path: Path) -> None:
    real = path.parent.rename(path.parent.with_name("real"))
    path.parent.symlink_to(real)


DISTRUSTED: dict[str, Callable[[Path], object]] = {
    "a link": replaced_by_a_link,
    "a dangling link": replaced_by_a_dangling_link,
    "a hard link": lambda path: path.with_name("other").hardlink_to(path),
    "a folder": replaced_by_a_folder,
    "a pipe": replaced_by_a_pipe,
    "writable by the group": lambda path: path.chmod(0o664),
    "writable by everybody": lambda path: path.chmod(0o646),
    "in a folder writable by the group": lambda path: path.parent.chmod(0o775),
    "in a linked folder": in_a_linked_folder,
    "too large": lambda path: path.write_text(OPEN + "#" * 1024 * 1024),
    "not UTF-8": lambda path: path.write_bytes(b"\xff"),
    "not TOML": lambda path: path.write_text(OPEN + "["),
    "torn": lambda path: path.write_text(OPEN[:-3]),
    "empty": lambda path: path.write_text(""),
    "a key twice": lambda path: path.write_text(OPEN + OPEN),
    "nested deeply": lambda path: path.write_text("a = " + "[" * 10_000),
    "a long number": lambda path: path.write_text("a = " + "9" * 5000),
}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[orchestrators.a]\ncommand = ["all"]\n', "orchestrators.a.command"),
        ('[orchestrator.a]\ncommands = ["all"]\n', "orchestrator"),
    ],
)
def test_a_misspelled_key_is_reported_instead_of_the_missing_one(
    project: Stage, text: str, key: str
) -> None:
    configure(project, text)
    with pytest.raises(StateUnreadable) as caught:
        worker_setup.worker(project.root, poll_interval_s=1, log=lambda _: None)
    assert f"at {key}: " in caught.value.message


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("commands = all", "put text in quotation marks"),
        ('commands = "all"', "commands: it must be a list"),
        ("commands = [1]", "commands.0: it must be 'all', 'read-only', "),
        ("commands = []", "commands: it is empty"),
        ('commands = ["all"]\nuid = "me"', "uid: it must be a whole number"),
        ('commands = ["all"]\nuid = 1.5', "uid: it must be a whole number"),
        ('commands = ["all"]\nuid = -1', "uid: it must be 0 or more"),
        ('commands = ["all"]\nuid = 99999999999', "uid: it must be 4294967294 or less"),
        ('commands = ["all"]\nmissions = [7]', "missions.0: it must be text"),
        (f'commands = ["all"]\nactors = ["{"a" * 201}"]', "it has more than 200 characters"),
        ('commands = ["all"]\nquota = 3', "quota: it must be a table of names and values"),
        ('commands = ["all"]\ntrash_days = 3', "write it above the first line in brackets"),
        ('commands = ["all"]\npaths = 3', "paths: it must be a table of names and values"),
    ],
)
def test_invalid_values_are_explained_in_terms_of_the_file(
    project: Stage, line: str, words: str
) -> None:
    configure(project, f"[orchestrators.a]\n{line}\n")
    with pytest.raises(StateUnreadable) as caught:
        Access(bootstrap.read_config(project.root).grants)
    assert words in caught.value.message


@pytest.mark.parametrize("how", DISTRUSTED)
def test_a_worker_does_not_start_with_an_untrusted_config(project: Stage, how: str) -> None:
    configure(project, OPEN)
    DISTRUSTED[how](config(project))
    with pytest.raises(StateUnreadable) as caught:
        worker_setup.worker(project.root, poll_interval_s=1, log=lambda _: None)
    assert str(project.root / ".kitty") in caught.value.message


def test_a_config_of_another_user_is_refused(project: Stage) -> None:
    configure(project, OPEN)
    if os.geteuid() == 0:
        os.chown(config(project), 12345, -1)
        with pytest.raises(StateUnreadable):
            Access(bootstrap.read_config(project.root).grants)
    os.chown(config(project), os.geteuid(), -1)
    assert Access(bootstrap.read_config(project.root).grants).of("default")


def test_without_a_config_only_the_root_inbox_is_granted_everything(
    project: Stage,
) -> None:
    access = Access(bootstrap.read_config(project.root).grants)
    assert access.grants == (everything(),)
    assert everything().commands == tuple(registry.CONTRACT_COMMANDS)


def test_the_worker_receives_the_grants_of_the_config(project: Stage) -> None:
    configure(
        project,
        '[orchestrators.nightly]\ncommands = ["append-history", "read-only"]\nuid = 7\n'
        "[orchestrators.nightly.quota]\nmax_waiting = 3\n"
        '[orchestrators.weekly]\ncommands = ["all"]\n',
    )
    nightly, weekly = worker_setup.orchestrators(Access(bootstrap.read_config(project.root).grants))
    assert nightly.identity == "nightly"
    assert nightly.commands == (*READS, "append-history", *LATER_READS)
    assert (nightly.owner_uid, nightly.max_waiting) == (7, 3)
    assert (nightly.max_waiting_bytes, nightly.max_request_bytes) == (64 * 1024**2, 256 * 1024)
    assert weekly.commands == tuple(registry.CONTRACT_COMMANDS)
    assert weekly.owner_uid is None


def test_a_running_worker_keeps_the_grants_it_was_started_with(project: Stage) -> None:
    configure(project, OPEN)
    host = bootstrap.ProjectHost(project.root)
    before = host.access()
    config(project).write_text("damaged")
    assert host.access() == before


def test_the_longest_path_mapping_wins_and_applies_to_symlink_targets(project: Stage) -> None:
    real = project.root / "trees"
    real.mkdir()
    (project.root / "linked").symlink_to(real)
    configure(
        project,
        OPEN + f'[orchestrators.default.paths]\n"linked" = "/w/"\n"{project.root}/trees/a" = "/a"\n'
        '"kitty-specs/../docs/" = "/"\n',
    )
    grant = Access(bootstrap.read_config(project.root).grants).of("default")
    assert grant
    root = project.root.resolve()
    expected = {
        f"{root}/linked/x": "/w/x",
        f"{root}/trees/x": "/w/x",
        f"{root}/trees": "/w/",
        f"{root}/trees/a/b": "/a/b",
        f"{root}/trees/ab": "/w/ab",
        f"{root}/docs/x": "/x",
        f"{root}/treesx": f"{root}/treesx",
        str(root): str(root),
    }
    assert {path: grant.path_as_seen(path) for path in expected} == expected


MAPPED = {".worktrees": "/trees", "wt": "/other"}


@pytest.mark.parametrize("names", [tuple(MAPPED), tuple(reversed(MAPPED))])
def test_a_mapping_of_a_folder_takes_precedence_over_that_of_a_symlink_to_it(
    project: Stage, names: tuple[str, ...]
) -> None:
    (project.root / ".worktrees").mkdir()
    (project.root / "wt").symlink_to(".worktrees")
    lines = "".join(f'"{name}" = "{MAPPED[name]}"\n' for name in names)
    configure(project, f"{OPEN}[orchestrators.default.paths]\n{lines}")
    grant = Access(bootstrap.read_config(project.root).grants).of("default")
    assert grant
    root = project.root.resolve()
    assert grant.path_as_seen(f"{root}/.worktrees/x") == "/trees/x"
    assert grant.path_as_seen(f"{root}/wt/x") == "/other/x"


@pytest.mark.parametrize("second", ["./trees/", "{root}/trees", "a/../trees", "linked"])
def test_a_folder_mapped_to_two_targets_is_refused_with_the_key(
    project: Stage, second: str
) -> None:
    (project.root / "trees").mkdir()
    (project.root / "linked").symlink_to("trees")
    (project.root / "again").symlink_to("trees")
    first = "again" if second == "linked" else "trees"
    second = second.format(root=project.root)
    table = f'[orchestrators.default.paths]\n"{first}" = "/one"\n"{second}" = "%s"\n'
    configure(project, OPEN + table % "/two")
    with pytest.raises(StateUnreadable) as caught:
        Access(bootstrap.read_config(project.root).grants)
    assert f"at orchestrators.default.paths.{second}: " in caught.value.message
    configure(project, OPEN + table % "/one/")
    assert Access(bootstrap.read_config(project.root).grants).of("default")
