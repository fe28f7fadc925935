"""`spec-kitty contract`: what orchestrators are written against, as it ships with this host."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from specify_cli.cli import shipped
from specify_cli.cli.contract_verify import verify


@click.group()
def contract() -> None:
    """Print the contract that orchestrators are written against, or hold a program to it.

    Example: spec-kitty contract show errors
    """


contract.add_command(verify)


@contract.command()
@click.argument("name", required=False)
def show(name: str | None) -> None:
    """Print the document NAME, or list the documents.

    A name is a path below the contract's folder, or its end without the suffix.

    Example: spec-kitty contract show lanes
    """
    documents = _documents()
    if name is None:
        for document in documents:
            click.echo(document)
        return
    fitting = [name] if name in documents else [d for d in documents if name in _short_names(d)]
    if len(fitting) != 1:
        click.echo(_complaint(name, fitting), err=True)
        sys.exit(1)
    click.echo((shipped.contract() / fitting[0]).read_bytes(), nl=False)


def _short_names(document: str) -> tuple[str, ...]:
    path = Path(document)
    return (str(path.with_suffix("")), path.name, path.stem)


def _complaint(name: str, fitting: list[str]) -> str:
    if not fitting:
        return f"no document {name!r}: 'spec-kitty contract show' lists them"
    return f"{name!r} fits several documents, name one: {', '.join(fitting)}"


def _documents() -> list[str]:
    folder = shipped.contract()
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
