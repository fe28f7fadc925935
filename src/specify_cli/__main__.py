"""The entry point of `spec-kitty`, and of `python -m specify_cli`.

Frequent commands are answered without loading the command line's libraries.
"""

from __future__ import annotations

import gc
import os
import sys
from io import TextIOWrapper

_COLLECTED_AFTER = 100_000
"""Objects that a call creates before Python looks for unused cycles; loading its modules creates most of them."""


def main() -> None:
    """Run the command line of this process."""
    _prepare_streams()
    code, stdout = None, sys.stdout
    try:
        try:
            code = _run_without_click(sys.argv[1:])
            if code is None:
                from specify_cli.cli import main as command_line

                command_line.main()
        finally:
            # Here, because a failure at exit is reported by Python itself, with a traceback.
            if sys.stdout is not None:
                sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        # Click exits with 1 on a BrokenPipeError; the one trace of it is that it replaces stdout.
        if isinstance(error, BrokenPipeError) or sys.stdout is not stdout:
            _end_by_sigpipe()
        raise
    except OSError as error:
        code = _report_failed_write(error)
    sys.exit(code)


def _prepare_streams() -> None:
    if (
        sys.stdout is None
    ):  # Closed by the caller. As with git, its descriptor is not one of a file.
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        # Characters that the stream cannot encode (LC_ALL=C, cp1252) are escaped.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if "_SPEC_KITTY_COMPLETE" in os.environ:
        import signal

        # A message or a traceback would disturb the line that is typed in a shell.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _report_failed_write(error: OSError) -> int:
    from specify_cli.cli import reply

    if not reply.is_failed_write(error):
        raise error
    return reply.end_output(error)


def _end_by_sigpipe() -> None:
    """End as git does when the reader of a pipe has gone: killed by SIGPIPE, without a message.

    Python ignores SIGPIPE, and so does this program while it works: a closed pipe to git or to
    stderr must not kill it between two steps of a change.
    """
    import signal

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPIPE])
    os.kill(os.getpid(), signal.SIGPIPE)
    os._exit(128 + signal.SIGPIPE)


def _end_without_collection() -> None:
    """Let the process end without a search for cycles among its objects, which would close the record."""
    if "specify_cli.storage.records" in sys.modules:
        from specify_cli.storage import records

        records.close()
    gc.freeze()


def _run_without_click(words: list[str]) -> int | None:
    """Return the exit code, or None if click must parse the arguments."""
    if words[:1] == ["orchestrator-api"]:
        gc.set_threshold(_COLLECTED_AFTER)
        from specify_cli.cli import plain_call

        code = plain_call.run(words[1:])
        if code is not None:
            _end_without_collection()
        return code
    if words[:1] == ["doctor"] and any(word.startswith("--sandbox") for word in words):
        from specify_cli.cli import sandbox_report

        return sandbox_report.run(words[1:])
    return None


if __name__ == "__main__":
    main()
