"""`spec-kitty` begins here: what can be answered without the command line's libraries is.

Running `python -m specify_cli` is running `spec-kitty`.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper


def main() -> None:
    """Runs the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        # What a stream cannot show (LC_ALL=C, cp1252) is written escaped, and never a traceback.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = _answered_lightly(sys.argv[1:])
    if code is None:
        from specify_cli.cli import main as command_line

        command_line.main()
    sys.exit(code)


def _answered_lightly(words: list[str]) -> int | None:
    """The exit code, or None where click has to read the words."""
    if words[:1] == ["orchestrator-api"]:
        from specify_cli.cli import plain_call

        return plain_call.run(words[1:])
    if words[:1] == ["doctor"] and any(word.startswith("--sandbox") for word in words):
        from specify_cli.cli import sandbox_report

        return sandbox_report.run(words[1:])
    return None


if __name__ == "__main__":
    main()
