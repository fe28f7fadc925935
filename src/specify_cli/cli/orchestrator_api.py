"""`spec-kitty orchestrator-api`: the interface that answers with one envelope on stdout."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import click

from specify_cli import errors
from specify_cli.cli import api_line, contract_options, contract_page, through_mailbox
from specify_cli.cli.api_line import Line
from specify_cli.cli.reply import INTERRUPTED, SUCCEEDED, give
from specify_cli.cli.through_mailbox import Stopped
from specify_cli.protocol import CORRELATION_ID

if TYPE_CHECKING:
    import pathlib

    from specify_cli.orchestrator_api import (
        dispatcher,
        request,
    )
    from specify_cli.orchestrator_api.command import Command
    from specify_cli.orchestrator_api.envelope import Envelope

    DispatcherAt = Callable[[pathlib.Path], dispatcher.Dispatcher]
    """Returns the dispatcher of a folder."""


class Interfaces:
    """The two ways to answer a request: the host of this folder, or a mailbox."""

    def __init__(
        self,
        dispatcher_at: DispatcherAt | None = None,
        through: Callable[[Line], Envelope] = through_mailbox.answer,
    ) -> None:
        self.dispatcher_at = dispatcher_at
        self.through = through


def run(
    words: Sequence[str],
    *,
    dispatcher_at: DispatcherAt | None = None,
    through: Callable[[Line], Envelope] = through_mailbox.answer,
) -> int:
    """Print the envelope that answers `words`, and return the exit code.

    0: success. 1: refused. 2: USAGE_ERROR, and nothing else.
    """
    try:
        result = orchestrator_api.main(
            args=list(words),
            prog_name="spec-kitty orchestrator-api",
            standalone_mode=False,
            obj=Interfaces(dispatcher_at, through),
        )
    except click.ClickException as error:
        result = _not_understood(words, error)
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except Stopped as stopped:
        return stopped.exit_code
    # --help has printed its page.
    return give(result) if isinstance(result, dict) else SUCCEEDED


class ContractGroup(click.Group):
    """The commands of the contract, each built from its parameters when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the contract."""
        from specify_cli.orchestrator_api import registry

        return list(registry.CONTRACT_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the click command, or None if the name is unknown."""
        from specify_cli.orchestrator_api import registry

        if cmd_name not in registry.CONTRACT_COMMANDS:
            return None
        command = click_command(registry.find(cmd_name))
        command.params += contract_options.mailbox_options()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line per command, without loading the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(contract_page.summaries())


class ContractCommand(click.Command):
    """A command that accepts each flag at most once, as a request has each key once."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments.

        Raises:
            click.UsageError: A flag is given twice.
        """
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        for option in given:
            if given.count(option) > 1 and not getattr(option, "multiple", False):
                raise click.BadOptionUsage(str(option.name), f"{option.opts[0]} is given twice.")
        return super().parse_args(ctx, args)


@click.group(
    cls=ContractGroup,
    no_args_is_help=False,
    help="\n\n".join(contract_page.ABOUT),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
def orchestrator_api() -> None:
    """Send a request to the host."""


def click_command(command: Command) -> click.Command:
    """Build the command, with a flag for each of its arguments."""
    from specify_cli.cli import flags
    from specify_cli.orchestrator_api import registry

    example = "\n".join(flags.example(command))

    @click.pass_obj
    def callback(interfaces: Interfaces | None, /, **given: Any) -> Envelope:
        return _ask(command, given, interfaces or Interfaces())

    return ContractCommand(
        command.name,
        params=[contract_options.option(flag) for flag in flags.flags_of(command)],
        callback=callback,
        help=f"{registry.CONTRACT_COMMANDS[command.name]}\n\n\b\n{example}",
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )


def _ask(command: Command, given: dict[str, Any], interfaces: Interfaces) -> Envelope:
    import pathlib

    from specify_cli import bootstrap, ids
    from specify_cli.orchestrator_api import envelope, request

    given_id = given.pop("correlation_id", None)
    mailbox, timeout_s = given.pop("mailbox", None), given.pop("timeout_s", None)
    correlation_id = given_id if _is_id(given_id) else ids.correlation_id()
    try:
        asked = _request(command, given, correlation_id=correlation_id)
        _check_flags(given_id, mailbox=mailbox, timeout_s=timeout_s)
    except errors.UsageError as error:
        return envelope.refused(command.wire_name, correlation_id, error)
    if through_mailbox.is_wanted(mailbox):
        line = Line(command.name, asked.args, changes_state=command.changes_state)
        line.policy, line.given_id = asked.policy, given_id
        line.mailbox, line.timeout_s = mailbox, timeout_s
        return interfaces.through(line)
    origin = request.Origin(door="cli", identity=f"uid:{os.getuid()}")
    # Not Path.cwd(), which fails in a removed folder; the project lookup reports that.
    host = (interfaces.dispatcher_at or bootstrap.dispatcher)(pathlib.Path())
    return host.answer(asked, origin, is_id_minted=given_id is None).envelope


def _check_flags(given_id: str | None, *, mailbox: str | None, timeout_s: str | None) -> None:
    from specify_cli.cli import flags

    if given_id is not None and not _is_id(given_id):
        raise errors.UsageError(
            f"{flags.ID_FLAG}: 1 to 128 of A-Z a-z 0-9 . _ -, no dot first, nothing like a credential"
        )
    if timeout_s is not None and not through_mailbox.is_wanted(mailbox):
        raise errors.UsageError("--timeout-s: it limits the wait for a mailbox; give --mailbox too")


def _request(command: Command, given: dict[str, Any], *, correlation_id: str) -> request.Request:
    from specify_cli.orchestrator_api import arguments, request, values

    policy = api_line.policy_in(given.pop("policy", None))
    json_names = {f.name: arguments.flag_of(f) for f in values.fields(command.params) if f.is_json}
    args = {
        name: _json_flag(json_names[name], value) if name in json_names else value
        for name, value in given.items()
        if value is not None
    }
    return request.Request(
        command=command.name, args=args, policy=policy, correlation_id=correlation_id
    )


def _json_flag(flag: str, text: str | None) -> Any:
    from specify_cli.storage import strict_json

    if text is None:
        return None
    try:
        return strict_json.parse(text.encode("utf-8", "surrogateescape"))
    except errors.RequestMalformed as error:
        raise errors.UsageError(f"{flag}: {error.message}") from error


def _is_id(text: str | None) -> bool:
    from specify_cli import credentials

    if text is None or CORRELATION_ID.fullmatch(text) is None:
        return False
    return not credentials.find(text)


def _not_understood(words: Sequence[str], error: click.ClickException) -> Envelope:
    from specify_cli import ids
    from specify_cli.orchestrator_api import envelope, registry

    name = next(iter(words), "")
    command = registry.find(name) if name in registry.CONTRACT_COMMANDS else None
    wire_name = command.wire_name if command else envelope.UNKNOWN_COMMAND
    correlation_id = next(filter(_is_id, _ids_in(words)), None) or ids.correlation_id()
    return envelope.refused(wire_name, correlation_id, _complaint(error, command))


def _ids_in(words: Sequence[str]) -> Iterator[str]:
    """Yield the correlation ids given on a command line that could not be parsed."""
    from specify_cli.cli import flags

    for word, following in pairwise([*words, ""]):
        flag, _, value = word.partition("=")
        if flag == flags.ID_FLAG:
            yield value or following


def _complaint(error: click.ClickException, command: Command | None) -> errors.UsageError:
    """Return the error that the dispatcher gives for the same mistake, if a request can have it."""
    from specify_cli.orchestrator_api import arguments, registry

    if isinstance(error, click.NoSuchCommand):
        return registry.unknown(error.command_name)
    if isinstance(error, click.NoSuchOption) and command:
        argument = error.option_name.removeprefix("--").replace("-", "_")
        if argument in arguments.BESIDE:
            return errors.UsageError(f"{command.name} takes no {error.option_name}: leave it out")
        return arguments.complaint(command.params, argument, error.format_message())
    return errors.UsageError(f"{error.format_message()} Run 'spec-kitty orchestrator-api --help'.")
