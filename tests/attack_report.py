"""Run the tests of attacks and collect the notes of each, for the table in their README."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

Notes = list[tuple[str, Any]]


def run(folder: Path, words: Sequence[str]) -> tuple[int, Notes | None]:
    """The exit code of pytest and the notes; None if it ran no test, for example with `--help`."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        options = ["-q", "-m", "long or campaign", "-o", "timeout=0", f"--junitxml={report}"]
        called = [sys.executable, "-m", "pytest", *options, str(folder), *words]
        code = subprocess.run(called, env=os.environ, check=False).returncode
        if not report.exists():
            return code, None
        noted = ET.parse(report).iter("property")
        return code, [(str(it.get("name")), json.loads(str(it.get("value")))) for it in noted]
