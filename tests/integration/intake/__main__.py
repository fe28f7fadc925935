"""Runs all attacks and writes the table of their outcomes: `python -m tests.integration.intake`.

Writes README.md beside this file; arguments are passed to pytest.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tests import attack_report
from tests.integration.intake.attacks import DEADLINE_S, KINDS
from tests.integration.intake.settings import PROGRAMS

HERE = Path(__file__).parent

HEAD = f"""\
# Attacks on what the host reads of a workspace, and their outcomes

Written by `python -m tests.integration.intake`, with the real bubblewrap. Each attack is planted right
after the host's first check, which would report most of them. In all of them no program of the agent
ran outside the sandbox, nothing outside the workspace was read or written, the project had nothing
new but the agent's own commits, and the command ended at its deadline ({DEADLINE_S:g} s here).

- *taken*: the planted files had no effect, and the agent's own commits were taken in;
- *seen*: the same for uncommitted work;
- *unreadable*, *no branch*: refused, nothing was taken in;
- *timed out*: git was blocked, and was ended with all its processes.
"""


def main(words: list[str]) -> int:
    """Return the exit code of pytest; print the table, and write it if all tests passed."""
    code, notes = attack_report.run(HERE, ["-n", "0", *words])
    if notes is None:
        return code
    text = _table(notes)
    print(text)
    if code == 0 and not words:
        (HERE / "README.md").write_text(text)
    return code


def _table(found: list[tuple[str, Any]]) -> str:
    lines = [HEAD]
    titles = {"intake": "Intake", "uncommitted": "Uncommitted work"}
    for name, title in titles.items():
        lines += [f"## {title}: every kind of file in place of every path", ""]
        lines += [f"| in place of | {' | '.join(KINDS)} |", f"| --- {'| --- ' * len(KINDS)}|"]
        rows = [it for kind, it in found if kind == name]
        lines += [f"| `{it['place']}` | {_cells(it['outcomes'].values())} |" for it in rows]
        lines += [""]
    lines += [
        "## Intake: references to another repository",
        "",
        "| attack | outcome |",
        "| --- | --- |",
    ]
    rows = [it for kind, it in found if kind == "elsewhere"]
    lines += [f"| {it['attack']} | {_cells([it['outcome']])} |" for it in rows]
    lines += ["", "## Both: settings that name a program or a file", ""]
    lines += ["| setting | intake | uncommitted work |", "| --- | --- | --- |"]
    settings = {k: o for kind, it in found if kind == "settings" for k, o in it.items()}
    lines += [
        f"| `{key}` | {_cells(settings[key].split(', '))} |" for key in PROGRAMS if key in settings
    ]
    return "\n".join(lines) + "\n"


def _cells(outcomes: Any) -> str:
    return " | ".join(outcome.replace("_", " ") for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
