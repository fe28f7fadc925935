"""Runs all attacks from inside the sandbox of the guide and writes the table of their outcomes.

    python -m tests.integration.sandbox_attacks

Prints it, and writes README.md beside this file; arguments are passed to pytest. It takes about an hour.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests import attack_report
from tests.integration.sandbox_attacks.kinds import KINDS
from tests.integration.sandbox_attacks.world import DEADLINE_S

HERE = Path(__file__).parent

HEAD = f"""\
# Attacks from inside the sandbox of an agent, and their outcomes

Written by `python -m tests.integration.sandbox_attacks`. Each is planted from inside the sandbox of
`examples/in-sandbox.sh`, with the real bubblewrap. Then the host does everything that it does with a workspace:
submission, review, approval, the start of the next package, doctor, acceptance, merge. In all of them no program of
the agent ran on the host, nothing outside the workspace was read into the repository or written, each answer
came within its deadlines ({DEADLINE_S} s for each git here), and requests about another mission were answered meanwhile.

## Every kind of file in place of every path

The first word is the outcome of the submission: *taken*, or why it was refused. Then: *s* if the next package of the
execution lane could be started, *m* if the mission was merged; without an *m* there was nothing to merge, or a person has to look first.
A cell is empty if it was left out of the run.
"""


def main(words: list[str]) -> int:
    """Return the exit code of pytest; write the table if all tests passed and none was left out."""
    code, notes = attack_report.run(HERE, words)
    if notes is None:
        return code
    text = _table(notes)
    print(text)
    if code == 0 and not any("-k" in word or "::" in word for word in words):
        (HERE / "README.md").write_text(text)
    return code


def _table(found: list[tuple[str, Any]]) -> str:
    cells: dict[str, dict[str, str]] = {}
    for it in (it for name, it in found if name == "place"):
        cells.setdefault(it["place"], {})[it["kind"]] = _cell(it["outcome"])
    lines = [HEAD, f"| in place of | {' | '.join(KINDS)} |", f"| --- {'| --- ' * len(KINDS)}|"]
    for place, row in sorted(cells.items()):
        lines.append(f"| `{place}` | {' | '.join(row.get(kind, '') for kind in KINDS)} |")
    lines += ["", "## Attacks that once succeeded", "", "What holds now:", ""]
    lines += [f"- {it}" for it in sorted({it for name, it in found if name == "named"})]
    return "\n".join(lines) + "\n"


def _cell(outcome: str) -> str:
    first, began, end = outcome.split(", ")
    return (
        first.replace("_", " ")
        + (", s" if began == "next started" else "")
        + (", m" if end == "merged" else "")
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
