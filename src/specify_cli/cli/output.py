"""Messages for people. Control characters in them do not reach the terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from specify_cli import errors
from specify_cli.mailbox.printable import printable

REFUSED = NOT_THERE = 1
COULD_NOT_CHECK = 2

TAKES = {
    "implement": "planned or claimed",
    "implement --done": "in_progress",
    "review": "for_review",
}
"""The status lanes of the packages that a command accepts."""

SENTENCES = {
    "workspace": "{wp} has no workspace yet: 'implement' creates it",
    "review_approved": "{wp} is in review: only a review approves it",
    "review_result": "{wp} is in review: only a review sends it back",
    "review_evidence": "{wp} is {from_lane}: only a review approves it, and only a merge completes it",
}
"""Messages for guards whose own message names a flag that these commands do not have."""


def say(line: str, *, head: str = "", is_error: bool = False) -> None:
    """Print the line with control characters escaped, after `head`, which is printed as it is."""
    click.echo(f"{head}{printable(line)}", err=is_error)


def say_lanes(lanes: Mapping[str, Sequence[str]]) -> None:
    """Print the packages of each execution lane."""
    for lane_id, packages in lanes.items():
        say(f"{lane_id}: {', '.join(packages)}")


def say_commit(commit: str | None) -> None:
    """Print the commit that a command made, if it made one."""
    if commit:
        say(f"committed: {commit[:12]}")


def red(text: str) -> str:
    """Return the text in red, unless NO_COLOR is set."""
    return _styled(text, fg="red", bold=True)


def bold(text: str) -> str:
    """Return the text in bold, unless NO_COLOR is set."""
    return _styled(text, bold=True)


def styled(text: str, **style: Any) -> str:
    """Return the text, which has no control characters, in that style on a terminal only."""
    is_plain = os.environ.get("NO_COLOR") or not sys.stdout.isatty()
    return text if is_plain or not text else click.style(text, **style)


def _styled(text: str, **style: Any) -> str:
    plain = printable(text)
    return plain if os.environ.get("NO_COLOR") else click.style(plain, **style)


@contextlib.contextmanager
def reporting_errors(*, exit_code: int, as_json: bool = False) -> Iterator[None]:
    """Report an error of the block, and end the process with `exit_code`.

    The report is a line on stderr, or with `as_json` an envelope on stdout.
    """
    try:
        yield
    except errors.SpecKittyError as error:
        report(error, as_json=as_json)
        sys.exit(exit_code)
    except BrokenPipeError:
        raise  # The reader of stdout has gone.
    except OSError as error:
        report(errors.StorageFailed(f"a file operation failed: {error}"), as_json=as_json)
        sys.exit(exit_code)


def report(error: errors.SpecKittyError, *, as_json: bool) -> None:
    """Print the error to stderr, or with `as_json` as an envelope to stdout."""
    if as_json:
        from specify_cli.cli import json_reply

        json_reply.print_refusal(error)
    else:
        log(f"{error.code}: {error.message}")


def log(line: str) -> None:
    """Print the line to stderr, if that is still open."""
    # An operator who closed the terminal must not stop the worker.
    with contextlib.suppress(OSError):
        click.echo(printable(line), err=True)


def refusal_text(
    data: Mapping[str, Any],
    *,
    word: str,
    wp: str | None,
    package: Mapping[str, Any] | None,
    missing_workspace: str | None = None,
) -> str:
    """Return the message for a person if the command `word` may not move `wp`.

    `package` is its state. `missing_workspace` is the path of its workspace if that is missing.
    """
    guard = data.get("guard")
    if guard == "edge" and word in TAKES:
        return f"{wp} is {data['from_lane']}: {word!r} needs a package that is {TAKES[word]}"
    if guard == "subtasks_and_evidence":
        return f"{wp} {_unproven(package, word, missing_workspace)}"
    if guard in SENTENCES:
        return SENTENCES[guard].format(wp=wp, from_lane=data["from_lane"])
    return str(data["message"])


def _unproven(package: Mapping[str, Any] | None, word: str, missing_workspace: str | None) -> str:
    if package is None:
        return "has open subtasks, or no commit of its own yet"
    steps = package["subtasks"]
    if steps["done"] < steps["total"]:
        return f"has open subtasks: {steps['done']} of {steps['total']} are done"
    if word == "move" and not steps["total"]:
        return "is submitted with 'implement --done'"
    if missing_workspace:
        return (
            f"has no commit of its own, and its workspace {missing_workspace} is missing:"
            " 'implement' creates it again; commit the work in it"
        )
    return "has no commit of its own yet"
