"""The host contains no orchestrator, and adding one is detected."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.orchestrator_boundary import violations
from tests.architecture.orchestrator_boundary.processes import (
    HOME_OF_TESTED_PROGRAMS,
    HOME_OF_THE_CLIENT,
    HOMES_OF_FOREIGN_CALLS,
)

ROOT = Path(__file__).parents[2]

CLEAN = '''
"""Orchestrates nothing: an orchestrator asks, and `orchestrate` is no command here."""
import asyncio
import importlib.metadata
import os
import platform
import re
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import click

KNOWN_FAMILIES = ("claude", "codex", "gemini")
LAZY = {"orchestrator-api": "specify_cli.cli.orchestrator_api", "mailbox": "specify_cli.cli.mailbox"}
FIELDS = {"orchestrator_id": "nightly", "orchestrator_version": "1.0", "subprocess": "no"}
WORDS = re.compile("torch|scorch")

@click.group("orchestrator-api")
def orchestrator_api(): ...

@orchestrator_api.command(name="start-review")
def start_review(): ...

@orchestrator_api.command
def torch(): ...

def run(fields, names):
    os.replace("a", "b"); os.kill(os.getpid(), signal.SIGTERM); os.path.join("system", "popen")
    fields.system(); fields["subprocess"]; platform.system(); getattr(fields, names[0])
    asyncio.run(fields.execute("claude")); threading.Thread(target=run)
    command = fields.removeprefix("orchestrator-api.")
    return importlib.metadata.version("spec-kitty"), {"orchestrator": names}, command, names - command
'''

CLEAN_GIT = """
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

GIT = ("git", "-c", "core.quotepath=off")

class Git:
    def run(self, *args: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[bytes]:
        command = ["git", "-C", str(self.folder), *args]
        command += ["--no-pager"]
        try:
            subprocess.run(["git", *args], shell=False, stdin=subprocess.DEVNULL)
            subprocess.run([*GIT, *args])
            subprocess.run((*self.prefix, "git", *args))
            with subprocess.Popen(["git"] + list(args), stdout=subprocess.PIPE) as child:
                child.wait()
        except subprocess.CalledProcessError:
            raise
        return _communicate(command, env=dict(env))

def _communicate(command, *, env):
    return subprocess.run(command, env=env, capture_output=True, check=False)
"""

MODULES = [
    "orchestrator/__init__.py",
    "orchestrator.py",
    "Orchestrator/loop.py",
    "cli/orchestrate.py",
    "orchestrator_runtime/scheduler.py",
    "core/auto_orchestrator.py",
    "orchestrator_api/agent.sh",
    "vcs/fast.so",
    "guides/orchestrators.py",
]

COMMANDS = [
    'import click\n@click.command("orchestrate")\ndef go(): ...',
    'import click\n@click.command(name="Orchestrate")\ndef go(): ...',
    "import click\n@click.command\ndef orchestrate(): ...",
    "import click\n@main.command()\ndef orchestrate_command(): ...",
    "import click\n@main.group(help='x')\ndef orch(): ...",
    "import click\n@main.command(hidden=True)\nasync def ORCHESTRATE(): ...",
    'main.add_command(run, "orchestrator-run")',
    'main.add_command(run, name="run_orchestrator")',
    'main.add_command(click.Command("orchestrator"))',
    'click.Group(name="or-ches-trate")',
    'click.Group("x", commands={"orch": go})',
    'main.add_alias("o", aliases=["orch-run"])',
    'parsers.add_parser("orchestrate")',
    'parsers.add_parser("run", aliases=["autoOrchestrate"])',
    'LAZY = {"orchestrator": "specify_cli.cli.run"}',
    'LAZY = {"orchestrator-API": ("specify_cli.cli.run", "shown")}',
    'if argv[0] == "orchestrate": complain()',
    'if name.lower() in ("orch", "x"): complain()',
]

ENTRY_POINTS = [
    '[project.scripts]\nspec-kitty-orchestrate = "specify_cli.cli.main:main"',
    '[project.scripts]\nrun = "specify_cli.orchestrator:main"',
    '[project.gui-scripts]\nOrch = "specify_cli.cli.main:main"',
    '[project.entry-points."spec_kitty.commands"]\norchestrator = "specify_cli.cli.main:main"',
]

PROCESSES = [
    "import subprocess",
    "import subprocess as quiet",
    "from subprocess import Popen as Thing",
    "from specify_cli.vcs.git import subprocess",
    "from specify_cli.vcs import git\ngit.subprocess.run(['x'])",
    "import os\nos.system('x')",
    "import os as o\no.popen('x')",
    "import os\nquiet = os\nquiet.execvp('x', [])",
    "from os import spawnlp",
    "from os import *",
    "import os\nstart = os.posix_spawn",
    "import os\nos.fork()",
    "import posix",
    "import pty",
    "import multiprocessing.pool",
    "from multiprocessing import Process",
    "from concurrent.futures import ProcessPoolExecutor",
    "import concurrent.futures\nconcurrent.futures.ProcessPoolExecutor()",
    "import asyncio\nasyncio.create_subprocess_exec('x')",
    "from asyncio import create_subprocess_shell",
    "import asyncio\nasyncio.get_running_loop().subprocess_exec(f, 'x')",
    "from asyncio.subprocess import create_subprocess_exec as c",
    "import ctypes\nctypes.CDLL(None).system(b'x')",
    "import click\nclick.edit()",
    "import pexpect",
    "def later():\n    import subprocess",
    '__import__("subprocess")',
    '__import__("os").system("x")',
    "hidden = __import__",
    'import importlib\nimportlib.import_module("subprocess")',
    'from importlib import import_module as load\nload("multiprocessing")',
    'from importlib import import_module\nimport_module(name="pty")',
    "import importlib\nimportlib.import_module(name)",
    'import os\ngetattr(os, "system")("x")',
    "import os\ngetattr(os, name)('x')",
    'import os\nos.__dict__["popen"]("x")',
    'import os\nvars(os)["execv"]("x", [])',
    'import sys\nsys.modules["subprocess"].run(["x"])',
    'import sys\nsys.modules.get("subprocess").run(["x"])',
    'import builtins\ngetattr(builtins, "exec")("x")',
    'exec("import sub" + "process")',
    'eval("1")',
    "not python at all:",
]

BESIDES_ONE_FUNCTION = [
    "import ctypes\nctypes.CDLL(None).system(b'x')",
    "import ctypes\nquiet = ctypes.CDLL(None)\nquiet.KNOWN\nquiet.system(b'x')",
    "import ctypes\nctypes.CDLL('mine.so').KNOWN",
    "import ctypes\nctypes.CDLL(name=None).KNOWN",
    "import ctypes\nload = ctypes.CDLL\nload('mine.so').system(b'x')",
    "import ctypes\nhand_on(ctypes.CDLL)",
    "import ctypes\nctypes.pythonapi.system(b'x')",
    "import ctypes\nctypes.cdll.mine.system(b'x')",
    "import ctypes as quiet\nquiet.PyDLL(None).system(b'x')",
    "from ctypes import CDLL",
    "import ctypes.util",
    "import subprocess",
]

PROGRAMS_IN_GIT = [
    'subprocess.run(["claude", "-p", "x"])',
    'subprocess.run(["sh", "-c", "git"])',
    'subprocess.run("git status", shell=True)',
    'subprocess.run(["git"], shell=maybe)',
    'subprocess.run(["git"], executable="/usr/bin/codex")',
    'subprocess.run(["git"], **options)',
    "subprocess.run(command)",
    'command = ["git"]\ncommand[0] = "sh"\nsubprocess.run(command)',
    'command = ["git"]\ncommand.insert(0, "sh")\nsubprocess.run(command)',
    'for command in (["git"], ["sh"]):\n    subprocess.run(command)',
    "def run(command):\n    subprocess.run(command)\nrun(['git'])",
    "def _run(command):\n    subprocess.run(command)\n_run(['git'])\n_run(['sh'])",
    "def _run(command):\n    subprocess.run(command)\n_run(['git'])\nhand_on = _run",
    "def _run(*command):\n    subprocess.run(command)\n_run('git')",
    'PROGRAM = "sh"\nsubprocess.Popen([PROGRAM])',
    'subprocess.getoutput("git")',
    "start = subprocess.Popen",
    'from subprocess import run as go\ngo(["sh"])',
    'import os\nos.execvp("git", ["git"])',
    'subprocess.run(args=["opencode"])',
    'subprocess.run((*self.prefix, "sh"))',
    'subprocess.run((*self.words, "git"))',
    'Git(folder=folder, prefix=("sh",))',
]

NOT_IN_SIGHT = [
    'subprocess.run("x y", shell=True)',
    "subprocess.run(words, shell=maybe)",
    "subprocess.run(words, executable=other)",
    "subprocess.run(words, **options)",
    'subprocess.getoutput("x")',
    "start = subprocess.Popen",
    "from subprocess import getstatusoutput as tell\ntell(line)",
    "import os\nos.execvp(words[0], words)",
    'subprocess.run(["claude", "-p", prompt])',
]

AGENTS = [
    ("src/specify_cli/core/planted.py", 'PLAN = ["claude", "-p", prompt]'),
    ("src/specify_cli/core/planted.py", 'PLAN = ("/usr/local/bin/codex", "exec", "x")'),
    ("src/specify_cli/core/planted.py", 'import shutil\nshutil.which("opencode")'),
    ("examples/planted.py", 'import subprocess\nsubprocess.run(["gemini", "x"])'),
    ("examples/planted.py", 'import os\nos.system("aider --message x")'),
    ("examples/planted.py", 'from subprocess import Popen\nPopen("qwen")'),
    ("examples/planted.sh", "cd here && claude -p 'do it'"),
    (".github/workflows/planted.yml", "      - run: npx codex exec 'do it'"),
]

FLAGS = [
    ("src/specify_cli/core/planted.py", "# one day: --full-auto"),
    ("src/specify_cli/core/planted.py", 'FLAG = "--yolo=true"'),
    ("src/specify_cli/core/planted.py", '"""Use --YOLO."""'),
    ("src/specify_cli/core/notes.md", "--dangerously-bypass-approvals-and-sandbox"),
    ("src/specify_cli/orchestrator_api/planted.py", 'X = "--dangerously-skip-permissions"'),
    ("src/specify_cli/orchestrator_api/planted.py", "dangerously_skip_permissions = True"),
    ("examples/planted.sh", "agent --full-auto"),
    (".github/workflows/planted.yml", "run: agent --yolo"),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A minimal checkout, which contains nothing but what a test adds."""
    (tmp_path / "src" / "specify_cli").mkdir(parents=True)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.fixture
def whole_checkout(checkout: Path) -> Path:
    """A copy of everything that the checker reads."""
    for folder in ("src", "examples", ".github"):
        shutil.copytree(
            ROOT / folder,
            checkout / folder,
            ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"),
            dirs_exist_ok=True,
        )
    return checkout


def plant(checkout: Path, path: str, text: str) -> None:
    (checkout / path).parent.mkdir(parents=True, exist_ok=True)
    with (checkout / path).open("a", encoding="utf-8") as file:
        file.write(f"\n{text}\n")


def seen_in(checkout: Path) -> set[str]:
    return {violation.path for violation in violations(checkout)}


# A stage of the build checks the same.
@pytest.mark.campaign
def test_this_checkout_contains_no_orchestrator():
    assert violations(ROOT) == []


@pytest.mark.long
def test_code_that_resembles_an_orchestrator_is_not_reported(whole_checkout: Path):
    plant(whole_checkout, "src/specify_cli/cli/planted.py", CLEAN)
    (whole_checkout / "src/specify_cli/vcs/git.py").write_text(CLEAN_GIT)

    assert violations(whole_checkout) == []


@pytest.mark.parametrize("module", MODULES)
def test_an_orchestrator_module_is_detected(module: str, checkout: Path):
    plant(checkout, f"src/specify_cli/{module}", "")

    assert seen_in(checkout)


@pytest.mark.parametrize("text", COMMANDS)
def test_an_orchestrate_command_is_detected_in_any_spelling(text: str, checkout: Path):
    plant(checkout, "src/specify_cli/cli/planted.py", text)

    assert seen_in(checkout) == {"src/specify_cli/cli/planted.py"}


@pytest.mark.parametrize("text", ENTRY_POINTS)
def test_an_orchestrator_entry_point_is_detected(text: str, checkout: Path):
    project = checkout / "pyproject.toml"
    project.write_text(f'[project]\nname = "x"\n{text}\n')

    assert seen_in(checkout) == {"pyproject.toml"}


@pytest.mark.parametrize("text", PROCESSES)
def test_code_that_starts_a_process_is_detected(text: str, checkout: Path):
    plant(checkout, "src/specify_cli/workflow/planted.py", text)

    assert seen_in(checkout) == {"src/specify_cli/workflow/planted.py"}


@pytest.mark.parametrize("text", PROGRAMS_IN_GIT)
def test_another_program_in_the_git_module_is_detected(text: str, checkout: Path):
    plant(checkout, "src/specify_cli/vcs/git.py", f"import subprocess\n{text}")

    assert seen_in(checkout) == {"src/specify_cli/vcs/git.py"}


@pytest.mark.parametrize(("home", "known"), HOMES_OF_FOREIGN_CALLS.items())
@pytest.mark.parametrize("text", BESIDES_ONE_FUNCTION)
def test_a_c_function_other_than_the_allowed_one_is_detected(
    text: str, home: str, known: str, checkout: Path
):
    plant(checkout, home, text.replace("KNOWN", known))

    assert seen_in(checkout) == {home}


@pytest.mark.parametrize("home", [HOME_OF_TESTED_PROGRAMS, HOME_OF_THE_CLIENT])
@pytest.mark.parametrize("text", NOT_IN_SIGHT)
def test_a_shell_or_a_hidden_process_start_is_detected_where_hosts_are_run(
    text: str, home: str, checkout: Path
):
    plant(checkout, home, f"import subprocess\n{text}")

    assert seen_in(checkout) == {home}


def test_only_the_conformance_kit_and_the_client_may_run_any_program(
    checkout: Path,
):
    text = "import subprocess\ndef run(words):\n    return subprocess.run(list(words))"
    plant(checkout, HOME_OF_TESTED_PROGRAMS, text)
    plant(checkout, HOME_OF_THE_CLIENT, text)
    assert seen_in(checkout) == set()

    plant(checkout, "src/specify_cli/conformance/other.py", text)
    assert seen_in(checkout) == {"src/specify_cli/conformance/other.py"}


@pytest.mark.parametrize(("path", "text"), AGENTS)
def test_an_agent_command_line_is_detected(path: str, text: str, checkout: Path):
    plant(checkout, path, text)

    assert seen_in(checkout) == {path}


@pytest.mark.parametrize(("path", "text"), FLAGS)
def test_a_banned_flag_is_detected_even_in_a_comment(path: str, text: str, checkout: Path):
    plant(checkout, path, text)

    assert seen_in(checkout) == {path}


def test_the_policy_rule_may_name_the_banned_flags(checkout: Path):
    plant(checkout, "src/specify_cli/orchestrator_api/policy.py", 'BANNED = ("--yolo",)')

    assert violations(checkout) == []


def test_the_checker_prints_path_and_line_and_fails(checkout: Path):
    plant(checkout, "src/specify_cli/core/planted.py", "import subprocess")
    command = [sys.executable, "-I", "-c", RUN, str(ROOT), str(checkout)]

    verdict = subprocess.run(command, capture_output=True, text=True, check=False)

    assert verdict.returncode == 1
    assert verdict.stdout.startswith("src/specify_cli/core/planted.py:2: ")


RUN = """
import runpy, sys
root = sys.argv.pop(1)
sys.path.insert(0, root)
runpy.run_module("tests.architecture.orchestrator_boundary", run_name="__main__")
"""
