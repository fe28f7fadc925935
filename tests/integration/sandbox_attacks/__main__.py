"""All attacks from inside the sandbox of the guide, and the table of what came of them.

    python -m tests.integration.sandbox_attacks

Prints it, and writes README.md beside this file; words are pytest's. It takes about an hour.
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
# Attacks from inside the sandbox of an agent, and what came of them

Written by `python -m tests.integration.sandbox_attacks`. Each is planted from inside the sandbox of
`examples/in-sandbox.sh`, with the real bubblewrap. Then the host does all that it does with a workspace:
hand-in, review, approval, the start of the next package, doctor, acceptance, merge. In all of them nothing of the
agent's ran on the host, nothing outside the workspace was read into the repository or written, each answer
came within its deadlines ({DEADLINE_S} s for each git here), and requests about another mission were answered meanwhile.

## Every kind of file in the place of every path

The first word is what came of the hand-in: *taken*, or why it was refused. Then: *s* where the next package of the
execution lane could be started, *m* where the mission was merged; without an *m* there was nothing to merge, or the host asks that somebody looks first.
A cell is empty where that was left out of the run.
"""


def main(words: list[str]) -> int:
    """The exit code of pytest; the table is written where all is well and nothing was left out."""
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
    lines = [HEAD, f"| in the place of | {' | '.join(KINDS)} |", f"| --- {'| --- ' * len(KINDS)}|"]
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
