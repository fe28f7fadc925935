"""With `--json`, a command prints one envelope on stdout, whatever happens."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from specify_cli.cli import json_reply, main, mission
from tests.unit.cli.people_pages import pages
from tests.unit.cli.test_people_help import example, page

WITHOUT = {
    "completion": "prints a script",
    "help": "prints a text to be read",
    "mailbox serve": "runs until it is stopped; each reply is a file",
    "orchestrator-api": "prints one envelope anyway",
}
"""Commands without the option, and why."""

LINES = {"mailbox tail": "prints each line of the journal as one JSON object"}


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that can be run, by its name."""
    for words in pages():
        command: click.Command | None = main.root
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word)
        assert command is not None
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield " ".join(words), command


COMMANDS = dict(commands())
FOR_PEOPLE = [
    name for name in COMMANDS if not any(name == it or name.startswith(f"{it} ") for it in WITHOUT)
]


def ended(
    words: list[str], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the command line."""
    monkeypatch.setattr(sys, "argv", ["spec-kitty", *words])
    with pytest.raises(SystemExit) as error:
        main.main()
    sys.stdout.flush()
    out, err = capfd.readouterr()
    return int(error.value.code or 0), out, err


def envelope_in(out: str) -> dict[str, Any]:
    assert out.endswith("\n")
    assert out.count("\n") == 1, out
    envelope: dict[str, Any] = json.loads(out)
    assert set(envelope) == {
        "contract_version",
        "command",
        "timestamp",
        "correlation_id",
        "success",
        "error_code",
        "data",
    }
    return envelope


def test_every_command_for_people_has_the_json_option():
    lacking = {
        name
        for name, command in COMMANDS.items()
        if not any("--json" in param.opts for param in command.params)
    }
    assert not lacking & set(FOR_PEOPLE)
    assert lacking | set(FOR_PEOPLE) == set(COMMANDS), "an exception is no longer needed"


@pytest.mark.parametrize("name", FOR_PEOPLE)
def test_a_usage_error_is_an_envelope(
    name: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    code, out, err = ended([*name.split(), "--json", "--bogus"], capfd, monkeypatch)

    envelope = envelope_in(out)
    assert (code, err) == (2, "")
    assert (envelope["command"], envelope["error_code"]) == (f"spec-kitty.{name}", "USAGE_ERROR")
    assert "--bogus" in envelope["data"]["message"]


OUTSIDE = [
    name
    for name in FOR_PEOPLE
    if name not in {"contract show", "contract verify", "doctor"} and name not in LINES
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_refusal_outside_of_a_project_is_an_envelope_with_the_same_exit_code(
    name: str,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"secret")))
    words = [it for it in example(page(tuple(name.split())))[1:] if it not in ("--json", "--watch")]

    plain = ended(words, capfd, monkeypatch)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"secret")))
    code, out, err = ended([*words, "--json"], capfd, monkeypatch)

    envelope = envelope_in(out)
    assert plain[0] != 0
    assert (code, err, envelope["success"]) == (plain[0], "", False)
    assert envelope["error_code"] in plain[2]


def test_a_bug_is_an_envelope_with_a_traceback_on_stderr(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(mission, "ask", broken)
    code, out, err = ended(["mission", "list", "--json"], capfd, monkeypatch)

    envelope = envelope_in(out)
    assert code == 1
    assert (envelope["command"], envelope["error_code"]) == (
        "spec-kitty.mission list",
        "HOST_ERROR",
    )
    assert "Traceback" in err


def test_redact_does_not_prompt_for_the_secret_with_json(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    code, out, err = ended(["redact", "X", "--reason", "r", "--json"], capfd, monkeypatch)

    assert (code, err) == (2, "")
    assert "stdin" in envelope_in(out)["data"]["message"]


def test_json_before_the_subcommand_is_a_usage_error(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    code, out, _ = ended(["tasks", "--json", "list"], capfd, monkeypatch)

    assert code == 2
    assert "after 'list'" in envelope_in(out)["data"]["message"]


@pytest.mark.parametrize(
    ("words", "is_asked"),
    [
        (["status", "--json"], True),
        (["status", "--", "--json"], False),
        (["contract", "verify", "--json"], True),
        (["contract", "verify", "--json", "--list"], True),
        (["contract", "verify", "--json", "report.json"], False),
    ],
)
def test_json_with_a_file_name_does_not_request_an_envelope(words: list[str], is_asked: bool):
    assert json_reply.is_asked(words) == is_asked
