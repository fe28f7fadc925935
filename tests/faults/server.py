"""A warm host that forks: one crash point costs a fork instead of an interpreter.

Reads one order a line, `{"control": ..., "words": [...], "env": {...}, "cwd": ..., "out": ...}`, and
answers one line, `{"status": ...}`, when the child has ended. `status` is negative after a signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import io
import json
import os
import pkgutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import specify_cli
from specify_cli.cli import main
from specify_cli.orchestrator_api import validation
from specify_cli.orchestrator_api.arguments import Params
from specify_cli.storage import package_memory
from specify_cli.storage.log_memory import LogMemory
from specify_cli.vcs import sandbox
from tests.faults.hosts import FORGET
from tests.faults.shim import CONTROL_VARIABLE
from tests.integration.stage import SLUG, Stage


def serve() -> None:
    """Carry out every order until stdin ends."""
    _warm_up()
    if FORGET in sys.argv:
        _forget_everything()
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _become(order)
        _, status = os.waitpid(child, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), flush=True)


def _warm_up() -> None:
    for found in pkgutil.walk_packages(specify_cli.__path__, "specify_cli."):
        if not found.name.endswith("__main__"):
            import_module(found.name)
    for params in Params.__subclasses__():
        validation.validate(params, {})
    _answer_once()
    _strike_everywhere()
    # Children then share the memory of these modules, instead of copying it when they collect garbage.
    gc.freeze()


def _answer_once() -> None:
    """Compile now what a process compiles for its first answers, instead of in every child."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        stage = Stage(root=Path(folder))
        stage.write_mission({"WP01": {}})
        stage.put("first", "append-history", mission=SLUG, wp="WP01", actor="someone", note="note")
        read = ("orchestrator-api", "mission-state", "--mission", SLUG)
        for words in (("mailbox", "serve", "--once"), read):
            sys.argv = ["spec-kitty", *words]
            unseen = io.TextIOWrapper(io.BytesIO())
            with contextlib.redirect_stdout(unseen), contextlib.redirect_stderr(unseen):
                assert _run() == 0, words


def _forget_everything() -> None:
    """Disable the caches of the host, which save time and decide nothing."""
    LogMemory.put = lambda self, slug, log: None  # type: ignore[method-assign]
    package_memory._keep = lambda mission_folder, seen, packages: None


def _strike_everywhere() -> None:
    """The git that reads a workspace counts its calls as well; the filter kills it where it cannot."""
    clean = sandbox.environment

    def environment() -> dict[str, str]:
        kept = {
            name: os.environ[name]
            for name in ("LD_PRELOAD", CONTROL_VARIABLE)
            if name in os.environ
        }
        return {**clean(), **kept}

    # The shim is not among the files that a sandbox has.
    sandbox.environment, sandbox._works = environment, lambda as_another: False  # type: ignore[assignment]


def _become(order: dict[str, Any]) -> None:
    os.setsid()
    os.chdir(order["cwd"])
    for number, name in ((0, os.devnull), (1, order["out"]), (2, order["out"] + ".err")):
        descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.environ.update(order["env"])
    sys.argv = ["spec-kitty", *order["words"]]
    if order["control"]:
        os.environ[CONTROL_VARIABLE] = order["control"]
        ctypes.CDLL(None).faults_attach(os.fsencode(order["control"]), 1)
    code = 70
    with contextlib.suppress(BaseException):
        code = _run()
    sys.stdout.flush()
    os._exit(code)


def _run() -> int:
    try:
        main.main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  the child tells, and ends
        sys.excepthook(*sys.exc_info())
        return 70
    return 0


if __name__ == "__main__":
    serve()
