"""`spec-kitty contract`: the contract that ships with this host."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from specify_cli import errors
from specify_cli.cli import json_reply, shipped
from specify_cli.cli.contract_verify import verify
from specify_cli.cli.options import JSON

FIXTURES = "v1/fixtures/"


@click.group()
def contract() -> None:
    """Print the contract for orchestrators; verify that a program conforms to it.

    Example: spec-kitty contract show errors
    """


contract.add_command(verify)


@contract.command()
@click.argument("name", required=False)
@click.option("--fixtures", is_flag=True, help="Also list the fixture files.")
@JSON
def show(*, name: str | None, fixtures: bool, as_json: bool) -> None:
    """Print the document NAME, or list the documents.

    NAME is a path in the contract's folder, or the end of one; the suffix is optional and case is
    ignored. If several documents match, the outermost folder wins, then text over data.

    Example: spec-kitty contract show lanes
    """
    folder = shipped.contract()
    skipped = len(f"{folder}/")
    documents = sorted(
        f"{base}/{name}"[skipped:] for base, _, names in os.walk(folder) for name in names
    )
    if name is None:
        _list(documents, is_whole=fixtures, as_json=as_json)
        return
    fitting = [name] if name in documents else _best(name, documents)
    if len(fitting) != 1:
        problem = errors.UsageError(_complaint(name, fitting))
        json_reply.print_refusal(problem) if as_json else click.echo(problem.message, err=True)
        sys.exit(1)
    text = (shipped.contract() / fitting[0]).read_bytes()
    if as_json:
        json_reply.print_data({"document": fitting[0], "text": text.decode()})
    else:
        click.echo(text, nl=False)


def _list(documents: list[str], *, is_whole: bool, as_json: bool) -> None:
    shown = [x for x in documents if is_whole or not _is_case(x)]
    if as_json:
        json_reply.print_data({"documents": shown})
        return
    for document in shown:
        click.echo(document)
    if len(shown) < len(documents):
        rest = f"{len(documents) - len(shown)} more files in {FIXTURES}"
        click.echo(f"{rest}: run 'spec-kitty contract show --fixtures' to list them", err=True)


def _is_case(document: str) -> bool:
    """Return whether the document is a fixture file, other than the fixtures' README."""
    return document.startswith(FIXTURES) and document != f"{FIXTURES}README.md"


def _best(name: str, documents: list[str]) -> list[str]:
    wanted = f"/{name.casefold()}"
    fitting = [x for x in documents if any(end.endswith(wanted) for end in _ends(x))]
    best = min(map(_rank, fitting), default=None)
    return [x for x in fitting if _rank(x) == best]


def _ends(document: str) -> tuple[str, str]:
    path = Path("/", document.casefold())
    return str(path), str(path.with_suffix(""))


def _rank(document: str) -> tuple[bool, int, bool]:
    return document.startswith(FIXTURES), document.count("/"), not document.endswith(".md")


def _complaint(name: str, fitting: list[str]) -> str:
    if not fitting:
        return f"there is no document {name!r}: run 'spec-kitty contract show' to list them"
    return f"{name!r} matches several documents: {', '.join(fitting)}; name one of them"
