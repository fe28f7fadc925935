"""Our command line with one fault, which the kit has to find: `broken_command_line.py FAULT ..`."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from specify_cli.cli import orchestrator_api

Said = tuple[bytes, int]


def real(words: list[str]) -> Said:
    """Output and exit code of our command line."""
    printed = io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(printed, write_through=True)):
        code = orchestrator_api.run(words)
        return printed.getvalue(), code


def log() -> Path:
    [found] = Path.cwd().glob("kitty-specs/*")
    return found / "status.events.jsonl"


def remembered(words: list[str]) -> Path:
    """A marker outside the project: if it exists, the id in these arguments was answered before."""
    name = words[words.index("--correlation-id") + 1]
    return Path.cwd().parent / f"remembered-{name}"


def wrong_exit_code(words: list[str]) -> Said:
    raw, _ = real(words)
    return raw, 0


def second_line(words: list[str]) -> Said:
    raw, code = real(words)
    return (raw if "--help" in words else raw + b"done\n"), code


def no_help(words: list[str]) -> Said:
    return (b"", 2) if "--help" in words else real(words)


def abbreviates(words: list[str]) -> Said:
    return real([{"--miss": "--mission"}.get(word, word) for word in words if word != "--json"])


def deaf_to_environment(words: list[str]) -> Said:
    os.environ.pop("SPECIFY_REPO_ROOT", None)
    return real(words)


def loses_id(words: list[str]) -> Said:
    raw, code = real(words)
    if "--correlation-id" in words:
        mine = words[words.index("--correlation-id") + 1]
        return raw.replace(mine.encode(), b"another"), code
    return raw, code


def answers_anew(words: list[str]) -> Said:
    raw, code = real(words)
    if "--correlation-id" in words:
        if remembered(words).exists():
            return raw.replace(b"+00:00", b"Z"), code
        remembered(words).touch()
    return raw, code


def applies_twice(words: list[str]) -> Said:
    raw, code = real(words)
    if "--correlation-id" in words and code == 0:
        if remembered(words).exists():
            with log().open("r+b") as file:
                file.write(file.readlines()[-1])
        remembered(words).touch()
    return raw, code


def knows_no_conflict(words: list[str]) -> Said:
    raw, code = real(words)
    if b"CORRELATION_ID_CONFLICT" in raw:
        return raw.replace(b"CORRELATION_ID_CONFLICT", b"TRANSITION_REJECTED"), code
    return raw, code


def reads_write(words: list[str]) -> Said:
    if words[:1] == ["list-ready"]:
        (Path.cwd() / "kitty-specs" / "seen.txt").touch()
    return real(words)


def refusals_leave_events(words: list[str]) -> Said:
    raw, code = real(words)
    if words[:1] == ["transition"] and code:
        with log().open("ab") as file:
            file.write(b'{"refused": true}\n')
    return raw, code


def two_winners(words: list[str]) -> Said:
    raw, code = real(words)
    if b'"WP_ALREADY_CLAIMED"' in raw:
        told = json.loads(raw) | {"success": True, "error_code": None}
        return json.dumps(told).encode() + b"\n", 0
    return raw, code


def breaks_chain(words: list[str]) -> Said:
    raw, code = real(words)
    journal = Path.cwd() / ".kitty" / "outbox" / "journal.jsonl"
    if journal.exists():
        journal.write_bytes(
            journal.read_bytes().replace(b'"prev":"sha256:00', b'"prev":"sha256:11')
        )
    return raw, code


FAULTS: dict[str, Callable[[list[str]], Said]] = {
    function.__name__: function
    for function in (
        wrong_exit_code,
        second_line,
        no_help,
        abbreviates,
        deaf_to_environment,
        loses_id,
        answers_anew,
        applies_twice,
        knows_no_conflict,
        reads_write,
        refusals_leave_events,
        two_winners,
        breaks_chain,
    )
}

if __name__ == "__main__":
    said, ended = FAULTS[sys.argv[1]](sys.argv[2:])
    sys.stdout.buffer.write(said)
    sys.exit(ended)
