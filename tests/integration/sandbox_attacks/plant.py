"""Run by the agent inside its sandbox: replaces a file of its workspace with a file of some kind.

    plant.py PLACE KIND WORKSPACE ROOT

ROOT is the folder outside that holds the project, the secrets, and where the tripwire would be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

from tests.integration.intake import attacks
from tests.integration.sandbox_attacks.kinds import KINDS


def main(place: str, kind: str, workspace: str, root: str) -> None:
    """Replace the file."""
    outside = Path(root)
    scene = SimpleNamespace(
        root=outside, workspace=Path(workspace), git_dir=Path(workspace) / ".git"
    )
    world = SimpleNamespace(
        scene=scene,
        secret=outside / "secret",
        victim=outside / "victim",
        tripwire=outside / "tripwire",
    )
    attacks.KINDS.update(KINDS)
    attacks.replace(world, place, kind)  # type: ignore[arg-type]  # has all attributes that are needed


if __name__ == "__main__":
    main(*sys.argv[1:])
