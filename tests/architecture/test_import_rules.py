"""The source keeps each import rule, and an import that breaks a rule is detected."""

from __future__ import annotations

import ast
import contextlib
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from importlinter.cli import lint_imports_command

ROOT = Path(__file__).parents[2]

BY_NAME = {"import_module", "__import__", "importlib"}
"""What imports a module that a string names: neither the type checker nor the rules see that."""

PLANTED = [
    ("layers", "errors.py", "from specify_cli import clock"),
    ("layers", "files/atomic.py", "import specify_cli.workflow"),
    ("layers", "files/atomic.py", "import specify_cli.storage"),
    ("layers", "files/atomic.py", "import specify_cli.vcs"),
    ("layers", "vcs/git.py", "import specify_cli.storage"),
    ("layers", "mailbox/layout.py", "import specify_cli.orchestrator_api"),
    ("layers", "bootstrap.py", "import specify_cli.cli"),
    ("layers", "utils.py", ""),
    ("pure-core", "core/planted.py", "import json"),
    ("pure-core", "core/planted.py", "from os import path"),
    ("pure-core", "core/planted.py", "import pydantic"),
    ("pure-core", "errors.py", "import threading"),
    (
        "independent-commands",
        "orchestrator_api/commands/planted.py",
        "from specify_cli.orchestrator_api.commands import another",
    ),
    (
        "commands-behind-registry",
        "orchestrator_api/planted.py",
        "from specify_cli.orchestrator_api.commands import another",
    ),
    ("home-of-subprocess", "vcs/planted.py", "from subprocess import run"),
    ("home-of-subprocess", "conformance/planted.py", "import subprocess"),
    ("home-of-jsonschema", "orchestrator_api/planted.py", "import jsonschema"),
    ("conformance-stands-alone", "conformance/planted.py", "import specify_cli.storage.journal"),
    ("layers", "conformance/planted.py", "import specify_cli.bootstrap"),
    ("home-of-filelock", "mailbox/planted.py", "import filelock"),
    ("home-of-watchdog", "cli/planted.py", "import watchdog.events"),
    ("home-of-click-and-rich", "bootstrap.py", "import click"),
    ("home-of-click-and-rich", "mailbox/planted.py", "from rich.table import Table"),
    ("home-of-pydantic", "storage/planted.py", "from pydantic import TypeAdapter"),
    ("home-of-pydantic", "cli/planted.py", "import pydantic_core"),
    ("portable-client", "../spec_kitty_client/mailbox.py", "import click"),
    ("portable-client", "../spec_kitty_client/mailbox.py", "from specify_cli import errors"),
    ("portable-client", "../spec_kitty_client/planted.py", "import specify_cli.mailbox.layout"),
    ("client-beside-the-host", "mailbox/planted.py", "import spec_kitty_client"),
    ("client-beside-the-host", "workflow/planted.py", "from spec_kitty_client import mailbox"),
    ("one-way-through-the-doors", "cli/planted.py", "import specify_cli.workflow"),
    ("one-way-through-the-doors", "cli/planted.py", "import specify_cli.core.lanes"),
    ("one-way-through-the-doors", "mailbox/planted.py", "import specify_cli.vcs"),
]


def broken_rules(checkout: Path, *words: str, cache: Path) -> set[str]:
    """Ids of the contracts that import-linter, called with `words`, finds broken in a checkout."""
    names = dict(
        re.findall(r'^id = "(.+)"\nname = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    )
    with pytest.MonkeyPatch.context() as here:
        here.chdir(checkout)
        here.syspath_prepend(checkout / "src")
        # It looks for the package as an import would, and would find the one that is imported.
        here.delitem(sys.modules, "specify_cli", raising=False)
        here.delitem(sys.modules, "spec_kitty_client", raising=False)
        # It would switch off every logger of this process.
        here.setattr("importlinter.cli.logging_config.dictConfig", lambda _: None)
        called = ["--cache-dir", str(cache), *words]
        verdict = CliRunner().invoke(lint_imports_command, called, catch_exceptions=False)
    said = " ".join(verdict.output.split())
    broken = {id_ for id_, name in names.items() if f"{name} BROKEN" in said}
    assert "Contracts: " in said, said
    assert bool(broken) == (verdict.exit_code != 0), said
    return broken


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what import-linter reads; a test that changes it restores it."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", folder)
    rules = "tests/architecture/standard_library_only.py"
    (folder / rules).parent.mkdir(parents=True)
    shutil.copy(ROOT / rules, folder / rules)
    shutil.copytree(
        ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """import-linter's cache: the imports of each module by its modification time, which a copy keeps."""
    return tmp_path_factory.mktemp("imports")


def test_the_source_keeps_every_import_rule(checkout: Path, cache: Path):
    assert broken_rules(checkout, cache=cache) == set()


@pytest.mark.parametrize(("rule", "module", "line"), PLANTED)
def test_a_planted_import_breaks_its_rule(
    rule: str, module: str, line: str, checkout: Path, cache: Path
):
    another = "orchestrator_api/commands/another.py"
    with planted(checkout, another, ""), planted(checkout, module, line):
        assert broken_rules(checkout, "--contract", rule, cache=cache) == {rule}


@contextlib.contextmanager
def planted(checkout: Path, module: str, line: str) -> Iterator[None]:
    """Append the line to the module during the block."""
    path = checkout / "src" / "specify_cli" / module
    original = path.with_suffix(".original")
    if path.exists():
        shutil.copy2(path, original)
    with path.open("a") as file:
        file.write(f"\n{line}\n")
    try:
        yield
    finally:
        path.unlink()
        if original.exists():
            # It keeps its modification time, by which the cache identifies it.
            original.rename(path)


def imports_by_name(text: str) -> set[str]:
    if not any(name in text for name in BY_NAME):
        return set()
    nodes = [*ast.walk(ast.parse(text))]
    names = {it.id for it in nodes if isinstance(it, ast.Name)}
    names |= {it.attr for it in nodes if isinstance(it, ast.Attribute)}
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {it.name.partition(".")[0] for it in node.names}
    return names & BY_NAME


def test_no_module_is_imported_by_a_string():
    sources = sorted((ROOT / "src").rglob("*.py"))
    found = {str(it.relative_to(ROOT)): imports_by_name(it.read_text()) for it in sources}
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "import builtins\nbuiltins.__import__('os')",
        "import importlib as loader\nloader.import_module('os')",
        "import importlib.util",
        "from importlib import import_module as load\nload('os')",
        "from importlib.util import find_spec",
    ],
)
def test_an_import_by_a_string_is_detected(text: str):
    assert imports_by_name(text)
