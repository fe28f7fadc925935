"""Answer a simple contract command without click, by the host of this folder or a mailbox."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from specify_cli.cli import api_line
from specify_cli.cli.api_line import Line
from specify_cli.cli.reply import INTERRUPTED, SUCCEEDED, give

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pathlib

    from specify_cli.orchestrator_api import dispatcher

    DispatcherAt = Callable[[pathlib.Path], dispatcher.Dispatcher]
    """Returns the dispatcher of a folder."""

MAILBOX_VARIABLE = "SPEC_KITTY_MAILBOX"


def run(words: list[str], *, dispatcher_at: DispatcherAt | None = None) -> int | None:
    """Answer the arguments after `orchestrator-api`.

    Return the exit code, or None if click must parse them.
    """
    match words:
        case [*names, "--help" | "-h"] if len(names) <= 1:
            return _help(*names)
    line = api_line.read(words)
    if line is None:
        return None
    if line.mailbox is not None or os.environ.get(MAILBOX_VARIABLE):
        # Imported here: a request to the host does not need it.
        from specify_cli.cli import through_mailbox

        return through_mailbox.run(line)
    if line.timeout_s is not None:
        return None  # Click reports that it needs --mailbox.
    try:
        return give(_answer(line, dispatcher_at))
    except KeyboardInterrupt:
        # Ends the line on which the terminal shows ^C.
        print(file=sys.stderr)
        return INTERRUPTED


def _help(name: str | None = None) -> int | None:
    """Print the help page of the command, or of the group; return None if click must format it."""
    page = _group_page() if name is None else _command_page(name)
    if page is None:
        return None
    print(page)
    return SUCCEEDED


def _group_page() -> str | None:
    from specify_cli.cli import contract_page

    return contract_page.page()


def _command_page(name: str) -> str | None:
    from specify_cli.cli import flags
    from specify_cli.orchestrator_api import registry

    return flags.page(registry.find(name)) if name in registry.CONTRACT_COMMANDS else None


def _answer(line: Line, dispatcher_at: DispatcherAt | None) -> dict[str, object]:
    import pathlib

    from specify_cli import bootstrap, ids
    from specify_cli.orchestrator_api import request

    asked = request.Request(
        command=line.command,
        args=line.args,
        policy=line.policy,
        correlation_id=line.given_id or ids.correlation_id(),
    )
    origin = request.Origin(door="cli", identity=f"uid:{os.getuid()}")
    # Not Path.cwd(), which fails in a removed folder; the project lookup reports that.
    host = (dispatcher_at or bootstrap.dispatcher)(pathlib.Path())
    return host.answer(asked, origin, is_id_minted=line.given_id is None).envelope
