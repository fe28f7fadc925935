"""The project of the soak, its missions, and the grants of the four orchestrators."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import IDENTITY
from tests.integration.stage import Stage

PACKAGES = {name: {"owned_files": [f"{name}.txt"]} for name in ("WP01", "WP02", "WP03")}
# Unused user ids; they own the files of the sandboxes.
FIRST_UID = 61_001


@dataclass(frozen=True, kw_only=True)
class Soaked:
    """One of the four orchestrators."""

    name: str
    mission: str
    foreign: str
    grants: dict[str, Any]
    quota: dict[str, int]
    # The user that it runs as; None without root.
    uid: int | None

    def before(self) -> list[str]:
        """The command prefix that starts a program as that user."""
        if self.uid is None:
            return []
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups"]

    def toml(self) -> str:
        """Its section of `config.toml`."""
        lines = [f"[orchestrators.{self.name}]"]
        grants = self.grants | ({"uid": self.uid} if self.uid is not None else {})
        lines += [f"{key} = {json.dumps(value)}" for key, value in grants.items()]
        if self.quota:
            lines.append(f"[orchestrators.{self.name}.quota]")
            lines += [f"{key} = {value}" for key, value in self.quota.items()]
        return "\n".join(lines) + "\n"


def four() -> list[Soaked]:
    """One that may do everything in its mission, one with a small quota, one with required actors, and a reader."""
    plans: list[tuple[str, dict[str, Any], dict[str, int]]] = [
        ("red", {"commands": ["all"], "missions": ["001-*"]}, {}),
        (
            "green",
            {"commands": ["read-only", "append-history"], "missions": ["002-*"]},
            {"max_waiting": 5},
        ),
        ("blue", {"commands": ["all"], "missions": ["003-*"], "actors": ["blue-*"]}, {}),
        ("grey", {"commands": ["read-only"], "missions": ["004-*"]}, {}),
    ]
    missions = [f"{number:03}-{plan[0]}" for number, plan in enumerate(plans, 1)]
    return [
        Soaked(
            name=name,
            mission=missions[number],
            foreign=missions[number - 1],
            grants=grants,
            quota=quota,
            uid=FIRST_UID + number if os.geteuid() == 0 else None,
        )
        for number, (name, grants, quota) in enumerate(plans)
    ]


def make(root: Path, soaked: list[Soaked]) -> Stage:
    """Make a repository with a mission and grants for each; other users may traverse its folders."""
    os.environ.update(IDENTITY)
    stage = Stage(root=root)
    stage.make_repository()
    for each in soaked:
        stage.write_mission(PACKAGES, slug=each.mission)
    stage.git("add", "--", "kitty-specs")
    stage.git("commit", "-q", "-m", "plan the missions")
    kitty = root / ".kitty"
    kitty.mkdir()
    (kitty / "config.toml").write_text("".join(each.toml() for each in soaked))
    (kitty / "config.toml").chmod(0o600)
    for folder in (root.parent, root):
        folder.chmod(0o711)
    return stage


def python() -> str:
    """An interpreter below /usr, which the sandbox can see."""
    found = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    assert found, "no python3 below /usr: apt install python3"
    return found
