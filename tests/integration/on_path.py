"""A `spec-kitty` to put on the PATH, as an installation does."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from tests.integration.stage import SOURCE


def program_folder(folder: Path) -> Path:
    """Put a `spec-kitty` that runs the code under test into `folder`; return the folder."""
    folder.mkdir(exist_ok=True)
    program = folder / "spec-kitty"
    python = shlex.quote(sys.executable)
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(SOURCE))} exec {python} -m specify_cli "$@"\n'
    )
    program.chmod(0o755)
    return folder
