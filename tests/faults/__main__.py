"""Make the host fail at every call that changes a file, and report which promises held.

Example: python -m tests.faults --commands start-review --kinds kill-before,kill-after --jobs 2
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from tests.faults import campaign, hosts, report
from tests.faults.campaign import ALL_KINDS, Choice
from tests.faults.scenarios import BY_NAME

MEMORY = Path("/dev/shm")


def main(words: Sequence[str]) -> int:
    """Report the results; the exit code is 1 if a promise was broken or the run was interrupted."""
    asked = _parser().parse_args(words)
    choice = Choice(
        seed=asked.seed,
        kinds=_names(asked.kinds, ALL_KINDS),
        scenarios=_names(asked.commands, BY_NAME),
        doors=asked.doors.split(","),
        every=asked.every,
        limit=asked.limit,
        at=asked.at,
        without_memory=asked.without_memory,
    )
    found = report.Report(choice)
    place = asked.folder or (str(MEMORY) if MEMORY.is_dir() else None)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with (
        suppress(KeyboardInterrupt),
        tempfile.TemporaryDirectory(
            prefix="faults-", dir=place, ignore_cleanup_errors=True
        ) as folder,
        _told_at_the_end(found, asked),
        _after_all_servers(Path(folder)),
        closing(campaign.run(Path(folder), choice, jobs=asked.jobs)) as results,
    ):
        for result in results:
            found.add(result)
            if not asked.json:
                report.tell(result, found.points)
        found.is_whole = True
    return 0 if found.is_whole and not found.failures else 1


@contextmanager
def _after_all_servers(folder: Path) -> Iterator[None]:
    """Nobody writes to the folder any more when it is removed, however the run ends."""
    try:
        yield
    finally:
        hosts.wait_for_all(folder)


@contextmanager
def _told_at_the_end(found: report.Report, asked: argparse.Namespace) -> Iterator[None]:
    """The report is printed, however the run ends."""
    started = time.monotonic()
    try:
        yield
    finally:
        found.seconds = time.monotonic() - started
        print(json.dumps(found.as_json(), indent=1) if asked.json else found.as_text(), flush=True)
        if asked.table:
            Path(asked.table).write_text(found.as_table())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="chooses the sample, and what is lost")
    parser.add_argument("--kinds", default="", help=f"of {', '.join(ALL_KINDS)}")
    parser.add_argument(
        "--commands", default="", help=f"of {', '.join(BY_NAME)}, or their beginnings"
    )
    parser.add_argument("--doors", default="mailbox,cli")
    parser.add_argument("--every", type=int, default=1, help="strike one call in so many")
    parser.add_argument(
        "--limit", type=int, help="at most so many of a kind, for each command and door"
    )
    parser.add_argument("--at", type=int, help="strike this call alone")
    parser.add_argument(
        "--without-memory", action="store_true", help="a host that reads all again for each request"
    )
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of words")
    parser.add_argument("--table", help="write the table of the documentation to this file")
    parser.add_argument("--folder", help="where the scratch projects are made; memory otherwise")
    return parser


def _names(words: str, known: Sequence[str] | dict) -> list[str]:
    wanted = [word for word in words.split(",") if word]
    return [name for name in known if not wanted or any(name.startswith(word) for word in wanted)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
