"""Run the conformance kit as its users run it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.stage import Stage
from tests.patience import LONGEST_S

HERE = Path(__file__).parent
HOST = shlex.join([sys.executable, "-m", "specify_cli"])


@dataclass(frozen=True)
class Verdict:
    """The result of a run of the kit."""

    exit_code: int
    told: dict[str, Any]
    words: str

    def names(self, *statuses: str) -> set[str]:
        return {found["name"] for found in self.told["results"] if found["status"] in statuses}

    @property
    def failed(self) -> set[str]:
        return self.names("failed")


def verdict(stage: Stage, *words: str) -> Verdict:
    """Run `contract verify`; its JSON report is a file beside the project.

    It is always terminated, and then ends the processes that it has started.
    """
    told = stage.root.parent / "verdict.json"
    process = stage.start("contract", "verify", *words, "--json", str(told))
    try:
        stdout, stderr = process.communicate(timeout=LONGEST_S)
    except BaseException:
        process.terminate()
        process.wait(LONGEST_S)
        raise
    said = (stdout + stderr).decode()
    assert process.returncode in (0, 1), said
    return Verdict(process.returncode, json.loads(told.read_bytes()), said)


def broken(program: str, *words: str) -> str:
    """The command line of one of our broken programs."""
    return shlex.join([sys.executable, str(HERE / program), *words])


def only(names: Iterable[str]) -> list[str]:
    """The options that select only these checks."""
    return [word for name in sorted(names) for word in ("--only", name)]
