"""`config.toml`, in which the operator sets and grants: read strictly, or not at all."""

from __future__ import annotations

import hashlib
import os
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from specify_cli import nearest
from specify_cli.errors import StateUnreadable
from specify_cli.files.regular_files import NotRegular, TooLarge, read_regular
from specify_cli.orchestrator_api.config import Config
from specify_cli.orchestrator_api.config_table import (
    ConfigTable,
    OrchestratorTable,
    PolicyTable,
    QuotaTable,
    validate,
)
from specify_cli.orchestrator_api.grants import Grant, Quota, commands_in
from specify_cli.orchestrator_api.validation import NO_SUCH_KEY
from specify_cli.orchestrator_api.values import fields
from specify_cli.storage.layout import Layout
from specify_cli.storage.settings import HostSettings

MAX_BYTES = 1024 * 1024
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_TO_OTHERS = stat.S_IWGRP | stat.S_IWOTH
WAY_OUT = (
    "correct it, check it with `spec-kitty mailbox access`, then start the worker, or run"
    " `spec-kitty mailbox reload` if it runs"
)


def read(root: Path) -> Config:
    """Return the operator's settings of the project at `root`, grants in the order of the file.

    Raises:
        StateUnreadable: A key is wrong, or the file cannot be trusted; the message says which and why.
    """
    path = Layout(root).config
    raw = _read(path)
    digest = hashlib.sha256(raw).hexdigest()
    written = _parse(raw, path)
    if not written:
        # A file that has lost its content must not grant everything.
        raise _damaged(path, "it has no settings: delete it to use the defaults")
    table, complaints = validate(written)
    if table is None:
        key, problem = complaints[0]
        raise _damaged(path, f"at {key}: {problem}{_meant(key, problem)}")
    given = {name: getattr(table, name) for name in HostSettings().written}
    settings = HostSettings(**{name: it for name, it in given.items() if it is not None})
    if table.orchestrators is None:
        return Config(settings=settings, digest=digest)
    try:
        grants = tuple(_grant(name, given, root) for name, given in table.orchestrators.items())
    except _TwiceError as error:
        raise _damaged(path, str(error)) from error
    owners = {grant.identity: grant.uid for grant in grants if grant.uid is not None}
    settings = settings._replace(has_orchestrators=True, owners=MappingProxyType(owners))
    return Config(settings=settings, grants=grants, digest=digest)


def _meant(key: str, problem: str) -> str:
    """The keys that the table with this key can have, and the nearest one; empty for other problems."""
    if problem != NO_SUCH_KEY:
        return ""
    *parents, name = key.split(".")
    if parents and name in HostSettings().written:
        return "; it is a host setting: write it above the first line in brackets"
    inner = {"policy": PolicyTable, "quota": QuotaTable}.get(parents[-1] if parents else "")
    known = [it.name for it in fields(inner or (OrchestratorTable if parents else ConfigTable))]
    return nearest.guess(name, known) or f"; known keys: {', '.join(known)}"


def _read(path: Path) -> bytes:
    """The file's bytes, if nobody but us or root can have written them."""
    try:
        folder = os.open(path.parent, FOLDER)
        try:
            _require_ours(os.fstat(folder), path.parent)
            raw = read_regular(Path(path.name), max_bytes=MAX_BYTES, dir_fd=folder)
            # Nobody else can exchange it between the two: its folder is ours.
            _require_ours(os.stat(path.name, dir_fd=folder), path)
            return raw
        finally:
            os.close(folder)
    except (NotRegular, TooLarge) as error:
        raise _damaged(path, f"it {error}") from error
    except OSError as error:
        raise _damaged(path, f"it cannot be read: {error.strerror}") from error


def _require_ours(status: os.stat_result, path: Path) -> None:
    if status.st_uid not in (0, os.geteuid()):
        raise StateUnreadable(
            f"{path} belongs to uid {status.st_uid}, who could change the grants:"
            f" change its owner to uid {os.geteuid()} or root"
        )
    if status.st_mode & OPEN_TO_OTHERS:
        raise StateUnreadable(
            f"{path} is writable by other users, who could change the grants:"
            f" run 'chmod go-w {path}'"
        )


def _parse(raw: bytes, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _damaged(path, f"it is not UTF-8 at byte {error.start}") from error
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        hint = " (put text in quotation marks)" if "Invalid value" in str(error) else ""
        raise _damaged(path, f"it is not TOML: {error}{hint}") from error


def _grant(name: str, given: OrchestratorTable, root: Path) -> Grant:
    return Grant(
        identity=name,
        commands=commands_in(given.commands),
        missions=given.missions,
        actors=given.actors,
        targets=given.targets,
        push=given.push,
        uid=given.uid,
        policy=_policy(given.policy),
        quota=Quota(**vars(given.quota)),
        paths=_paths(given.paths or {}, root, key=f"orchestrators.{name}.paths"),
    )


def _policy(given: PolicyTable) -> Mapping[str, tuple[str, ...]]:
    bounds = {entry.name: getattr(given, entry.name) for entry in fields(type(given))}
    return {name: values for name, values in bounds.items() if values is not None}


class _TwiceError(Exception):
    """A folder is mapped to two targets."""


def _paths(given: Mapping[str, str], root: Path, *, key: str) -> tuple[tuple[str, str], ...]:
    """Return the pairs, the longest source first; a source that a link leads to counts by both names.

    A name's own entry takes precedence over that of a link to it.

    Raises:
        _TwiceError: A folder is mapped to two targets.
    """
    sources = {here: os.path.normpath(root / here) for here in given}
    named: dict[str, str] = {}
    for here, source in sources.items():
        _add(named, source, given[here], key=f"{key}.{here}")
    reached: dict[str, str] = {}
    for here, source in sources.items():
        real = os.path.realpath(source)
        if real not in named:
            _add(reached, real, given[here], key=f"{key}.{here}")
    pairs = reached | named
    return tuple(sorted(pairs.items(), key=lambda pair: len(pair[0]), reverse=True))


def _add(pairs: dict[str, str], source: str, there: str, *, key: str) -> None:
    known = pairs.setdefault(source, there)
    if known.rstrip("/") != there.rstrip("/"):
        raise _TwiceError(f"at {key}: {source} is already mapped to {known}: keep one of the two")


def _damaged(path: Path, problem: str) -> StateUnreadable:
    return StateUnreadable(f"{path}: {problem}; {WAY_OUT}", file=str(path))
