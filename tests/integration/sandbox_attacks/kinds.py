"""What an agent can put in place of a file of its workspace."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.integration.intake import attacks
from tests.integration.intake.settings import HOOKS, PROGRAMS


def _regular(place: Path, world: Any) -> None:
    """A file whose content, for its name, makes git start the agent's program if git obeys it."""
    name = place.name
    if name in ("config", "config.worktree", ".gitmodules"):
        place.write_text(_settings(world))
    elif name in ("attributes", ".gitattributes"):
        place.write_text("* filter=evil diff=evil merge=evil text ident\n")
    elif name in ("commondir", "gitdir", "alternates", "http-alternates"):
        place.write_text(f"{world.victim}/.git\n{world.victim}/.git/objects\n")
    elif name in (".git", "HEAD"):
        place.write_text(f"gitdir: {world.victim}/.git\n")
    else:
        place.write_text(f"#!/bin/sh\necho ran >'{world.tripwire}'\n")
        place.chmod(0o755)


def _settings(world: Any) -> str:
    """All settings that name a program, and the program is the agent's."""
    hooks = world.scene.workspace / "evil-hooks"
    hooks.mkdir(exist_ok=True)
    for name in HOOKS:
        (hooks / name).write_text(f"#!/bin/sh\necho ran >'{world.tripwire}'\n")
        (hooks / name).chmod(0o755)
    words = {
        "evil": hooks / HOOKS[0],
        "evil_folder": hooks,
        "secret": world.secret,
        "victim": world.victim,
    }
    lines = ["[core]\n\trepositoryformatversion = 0\n\tbare = false\n"]
    for key, value in PROGRAMS.items():
        section, _, rest = key.format(**words).partition(".")
        sub, _, name = rest.rpartition(".")
        head = f'[{section} "{sub}"]' if sub else f"[{section}]"
        lines.append(f'{head}\n\t{name} = "{value.format(**words)}"\n')
    return "".join(lines)


def _hard_link(place: Path, world: Any) -> None:
    """A hard link to a file of the workspace; a sandbox can link to no other files."""
    source = world.scene.workspace / "linked"
    source.write_text(f"#!/bin/sh\necho ran >'{world.tripwire}'\n")
    os.link(source, place)


def _link_to_a_folder(place: Path, world: Any) -> None:
    place.symlink_to(world.scene.root / "project/.git/hooks")


def _link_to_a_device(place: Path, world: Any) -> None:
    place.symlink_to("/dev/zero")


# No device can be created in a sandbox.
_OF_INTAKE = {name: plant for name, plant in attacks.KINDS.items() if name != "device"}

KINDS: dict[str, Callable[[Path, Any], None]] = {
    "regular": _regular,
    "hard link": _hard_link,
    "link to a folder": _link_to_a_folder,
    "link to a device": _link_to_a_device,
    **_OF_INTAKE,
}
