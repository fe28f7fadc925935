"""`python -m tests.benchmarks.through_mailbox`: the whole process, answered by a running worker.

The command line through a mailbox may take a little longer than a script of the standard library
that does the same by itself, and a small multiple of a Python that does nothing. All take turns.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from specify_cli.mailbox import client
from specify_cli.mailbox.client import Mailbox
from tests.benchmarks.large_mission import SLUG, write_mission
from tests.benchmarks.mailbox_round_trip import PACKAGES, worker
from tests.benchmarks.timing import (
    medians_ms,
    runs_wanted,
    scratch_project,
    show,
    spec_kitty,
    verdict,
)

RUNS = 31
NOTHING = "python -c pass"
SCRIPT = "a script with client.py"
LIGHT = "orchestrator-api --mailbox"
DIRECT = "orchestrator-api"
HIGHEST_TO_NOTHING = 5.0
HIGHEST_TO_SCRIPT = 2.0
ASKING = """
import client, sys
mailbox = client.Mailbox(sys.argv[1] + "/inbox", sys.argv[1] + "/outbox")
print(mailbox.call("mission-state", {"mission": sys.argv[2]}))
"""


def commands(root: Path) -> dict[str, list[str]]:
    """What is measured: the same question, but for the Python that does nothing."""
    script = root.parent / f"{root.name}-script"
    script.mkdir()
    shutil.copy(client.__file__, script)
    (script / "ask.py").write_text(ASKING)
    kitty = str(root / ".kitty")
    words = ["orchestrator-api", "mission-state", "--mission", SLUG]
    return {
        NOTHING: [sys.executable, "-c", "pass"],
        SCRIPT: [sys.executable, str(script / "ask.py"), kitty, SLUG],
        LIGHT: [*spec_kitty(), *words, "--mailbox", kitty],
        DIRECT: [*spec_kitty(), *words],
    }


def main() -> int:
    """0 when both ratios hold, else 1."""
    runs = runs_wanted(__doc__, usually=RUNS)
    with scratch_project() as root:
        write_mission(root, packages=PACKAGES)
        asked = commands(root)
        mailbox = Mailbox(root / ".kitty" / "inbox", root / ".kitty" / "outbox")
        try:
            with worker(root, mailbox):
                medians = medians_ms(asked, runs=runs, folder=root)
        finally:
            shutil.rmtree(Path(asked[SCRIPT][1]).parent)
    for name, median in medians.items():
        show(name, median, "ms")
    light = medians[LIGHT]
    to_nothing = verdict("ratio to nothing", light / medians[NOTHING], at_most=HIGHEST_TO_NOTHING)
    to_script = verdict("ratio to the script", light / medians[SCRIPT], at_most=HIGHEST_TO_SCRIPT)
    return to_nothing | to_script


if __name__ == "__main__":
    sys.exit(main())
