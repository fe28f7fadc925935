"""`spec-kitty` begins here: what can be answered without the command line's libraries is.

Running `python -m specify_cli` is running `spec-kitty`.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from io import TextIOWrapper


def main() -> None:
    """Runs the command line of this process."""
    for stream in (sys.stdout, sys.stderr):
        # What a stream cannot show (LC_ALL=C, cp1252) is written escaped, and never a traceback.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = _answered_lightly(sys.argv[1:])
    if code is None:
        import_module("specify_cli.cli.main").main()
    sys.exit(code)


def _answered_lightly(words: list[str]) -> int | None:
    """The exit code, or None where click has to read the words."""
    code: int | None = None
    if words[:1] == ["orchestrator-api"] and _names_mailbox(words):
        code = import_module("specify_cli.cli.through_mailbox").run(words[1:])
    if words[:1] == ["doctor"] and any(word.startswith("--sandbox") for word in words):
        code = import_module("specify_cli.cli.sandbox_report").run(words[1:])
    return code


def _names_mailbox(words: list[str]) -> bool:
    # The variable's name stands here once more, so that nothing is loaded to know it.
    return "SPEC_KITTY_MAILBOX" in os.environ or any(w.startswith("--mailbox") for w in words)


if __name__ == "__main__":
    main()
