"""`spec-kitty mailbox install-service`: write a systemd unit for the worker."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from specify_cli import errors
from specify_cli.cli import json_reply
from specify_cli.cli.client import layout_here
from specify_cli.cli.options import JSON, PROJECT
from specify_cli.cli.output import COULD_NOT_CHECK, reporting_errors, say

if TYPE_CHECKING:
    from specify_cli.cli.systemd_unit import Unit
    from specify_cli.mailbox.layout import MailboxLayout

SYSTEM_UNITS = Path("/etc/systemd/system")
PROGRAM = "spec-kitty"


@click.command(short_help="Write a systemd unit for the worker.")
@PROJECT
@click.option(
    "--user/--system",
    "for_user",
    default=None,
    help="Whose systemd runs it. Default: --system for root.",
)
@click.option("--name", help="Name of the unit. Default: spec-kitty-FOLDER.")
@click.option("--print", "prints", is_flag=True, help="Print the unit, and write nothing.")
@click.option("--force", is_flag=True, help="Replace a different unit of this name.")
@JSON
def install_service(
    *, for_user: bool | None, name: str | None, prints: bool, force: bool, as_json: bool
) -> None:
    """Write a hardened systemd unit that runs the worker, and show what to run next.

    A system unit runs as the owner of the project; only root can install it. JSON data: path,
    unit, next (a list of commands). Exit 2: the unit was not written.

    Example: spec-kitty mailbox install-service --system --print
    """
    is_user = os.geteuid() != 0 if for_user is None else for_user
    with reporting_errors(exit_code=COULD_NOT_CHECK, as_json=as_json):
        layout = layout_here()
        unit = _unit(layout, is_user=is_user)
        path = _units(is_user=is_user) / f"{_name(name, layout.root)}.service"
        if not prints:
            _write(path, unit.text(), replaces=force)
    steps = _next_steps(path, is_user=is_user)
    if as_json:
        json_reply.print_data({"path": str(path), "unit": unit.text(), "next": steps})
    elif prints:
        click.echo(unit.text(), nl=False)
    else:
        say(f"wrote {path}")
        for step in steps:
            say(f"next: {step}")


def _unit(layout: MailboxLayout, *, is_user: bool) -> Unit:
    """Return the unit of the project."""
    from specify_cli.cli.systemd_unit import Unit

    root = layout.root
    base = layout.host_base
    paths = (root, _program(), *(() if base.is_relative_to(root) else (base,)))
    for path in paths:
        if not str(path).isprintable():
            raise errors.UsageError(
                f"systemd cannot be given the path {str(path)!a}: rename the folder"
            )
    _, program, *writable = paths
    user = None if is_user else _owner(root)
    return Unit(program=program, project=root, writable=writable, user=user)


def _program() -> Path:
    """Return the absolute path of this program."""
    # `python -m` would import modules from the working folder.
    beside = Path(sys.executable).with_name(PROGRAM)
    found = beside if beside.is_file() else shutil.which(PROGRAM)
    if found is None:
        raise errors.UsageError(f"{PROGRAM} is not on the PATH: install it first")
    return Path(os.path.abspath(found))  # noqa: PTH100  a link to it stays valid after an update


def _owner(root: Path) -> str:
    uid = root.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _units(*, is_user: bool) -> Path:
    if not is_user:
        return SYSTEM_UNITS
    config = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(config) / "systemd" / "user"


def _name(given: str | None, root: Path) -> str:
    """Return the name of the unit without its suffix."""
    if given is None:
        return f"{PROGRAM}-{re.sub('[^A-Za-z0-9_.-]+', '-', root.name).strip('-.') or 'project'}"
    name = given.removesuffix(".service")
    if not re.fullmatch("[A-Za-z0-9_.-]{1,200}", name) or name.startswith("."):
        raise errors.UsageError(f"{given!r} is not a name of a unit: use A-Z a-z 0-9 _ . -")
    return name


def _write(path: Path, text: str, *, replaces: bool) -> None:
    """Write the unit, unless another one is there."""
    from specify_cli.files import atomic

    with contextlib.suppress(PermissionError):
        path.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(path.parent, os.W_OK):
        command = shlex.join(["sudo", str(_program()), *sys.argv[1:]])
        raise errors.UsageError(
            f"{path} cannot be written by this user: run {command}, or give --user"
        )
    found = text
    with contextlib.suppress(FileNotFoundError):
        found = path.read_text("utf-8", "replace")
    if found != text and not replaces:
        raise errors.UsageError(
            f"{path} is a different unit: compare it with the output of --print, then give --force"
            " to replace it, or --name for another name"
        )
    atomic.publish(path, text.encode())


def _next_steps(path: Path, *, is_user: bool) -> list[str]:
    scope = " --user" if is_user else ""
    name = path.name
    steps = [f"systemctl{scope} daemon-reload", f"systemctl{scope} enable --now {name}"]
    if is_user:
        steps.append("loginctl enable-linger  # it then runs without a login")
    return [*steps, f"systemctl{scope} status {name}"]
