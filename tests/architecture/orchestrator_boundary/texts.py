"""Banned flags and agents' command lines, wherever they stand in a file, comments included."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.orchestrator_boundary.names import AGENT_PROGRAMS
from tests.architecture.orchestrator_boundary.places import files
from tests.architecture.orchestrator_boundary.violation import Violation

SEARCHED = ("src", "examples", ".github")
HOMES_OF_FLAGS = ("src/specify_cli/orchestrator_api/policy.py", "src/specify_cli/_contract/")

# The long ones are also detected without their dashes: nobody writes those words by chance.
_FLAG = re.compile(
    r"--(full[-_]auto|yolo)(?![A-Za-z0-9_-])"
    r"|dangerously[-_]bypass[-_]approvals[-_]and[-_]sandbox"
    r"|dangerously[-_]skip[-_]permissions",
    re.IGNORECASE,
)
_PROGRAMS = "|".join(sorted(map(re.escape, AGENT_PROGRAMS), reverse=True))
# At the start of a shell command, followed by a flag or the word that runs an agent headless.
_COMMAND_LINE = re.compile(
    rf"(?:^|[;&|(`\"']|\brun:|\bexec\b|\bnohup\b|\benv\b|\bnpx\b)\s*(?:\S*/)?(?:{_PROGRAMS})"
    r"\s+(?:-{1,2}[A-Za-z]|exec\b|run\b)"
)


def in_files(root: Path) -> Iterator[Violation]:
    """Violations in the lines of everything that is shipped, shown or run by the build."""
    for folder in SEARCHED:
        for path in files(root, folder):
            shown = path.relative_to(root).as_posix()
            text = path.read_bytes().decode("utf-8", errors="replace")
            for number, line in enumerate(text.splitlines(), 1):
                yield from _in_line(line, shown, number)


def _in_line(line: str, shown: str, number: int) -> Iterator[Violation]:
    flag = _FLAG.search(line)
    if flag and not shown.startswith(HOMES_OF_FLAGS):
        yield Violation(
            shown,
            number,
            f"the banned flag '{flag[0]}'",
            "only the policy rule and the contract name it",
        )
    command = _COMMAND_LINE.search(line)
    if command:
        yield Violation(
            shown,
            number,
            f"an agent's command line '{command[0].strip()}'",
            "the host starts no agent",
        )
