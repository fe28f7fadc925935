"""Every way of starting a process that a syntax tree shows."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial

from tests.architecture.orchestrator_boundary.bindings import MODULES, Bindings
from tests.architecture.orchestrator_boundary.git_calls import other_programs, out_of_sight
from tests.architecture.orchestrator_boundary.names import AGENT_PROGRAMS, program_of
from tests.architecture.orchestrator_boundary.violation import Violation

HOME_OF_SUBPROCESS = "src/specify_cli/vcs/git.py"
# Limits, bubblewrap and another user, under which git reads what an agent has written.
HOME_OF_CONFINEMENT = "src/specify_cli/vcs/sandbox.py"
# A kit that tests other hosts has to run them. It is not a part of the host: nothing but the
# command line's `contract verify` loads it.
HOME_OF_TESTED_PROGRAMS = "src/specify_cli/conformance/programs.py"
# A client of the host has to start it, where it does not use a mailbox. It is not a part of the host either.
HOME_OF_THE_CLIENT = "src/spec_kitty_client/command_line.py"
# A person at a terminal reads a difference or a guide with the pager, and changes a prompt with the
# editor, of their own configuration.
HOMES_AT_A_TERMINAL = {
    ("src/specify_cli/cli/paging.py", "click.echo_via_pager"),
    ("src/specify_cli/cli/editing.py", "click.edit"),
}
# Python has no rename of two names in one step, and no sync of one file system. The C library is asked for these alone.
HOMES_OF_FOREIGN_CALLS = {
    "src/specify_cli/vcs/renames.py": "renameat2",
    "src/specify_cli/files/file_system.py": "syncfs",
}
FOREIGN_NAMES = frozenset({"CDLL", "c_char_p", "c_int", "c_uint", "get_errno"})
LAZY_LOADERS = ("src/specify_cli/cli/", "src/specify_cli/orchestrator_api/registry.py")
WHY = (
    "only vcs/git.py starts a process, and that process is git, confined by vcs/sandbox.py alone; conformance/programs.py starts what "
    "its user names, without a shell; spec_kitty_client/command_line.py starts the host, without a shell; "
    "cli/paging.py shows a text in the user's pager, and cli/editing.py opens it in their editor; vcs/renames.py asks the C "
    "library for one rename, files/file_system.py for one sync"
)

STARTING_MODULES = frozenset(
    [
        "_posixsubprocess",
        "_winapi",
        "cffi",
        "ctypes",
        "fabric",
        "invoke",
        "multiprocessing",
        "nt",
        "pexpect",
        "plumbum",
        "posix",
        "psutil",
        "pty",
        "ptyprocess",
        "pywinpty",
        "sh",
        "subprocess",
        "webbrowser",
        "winpty",
    ]
)
STARTING_PARTS = re.compile(
    r"(asyncio|concurrent\.futures)\.(subprocess|process)(\..+)?"
    r"|(.+\.)?(create_)?subprocess_(exec|shell)"
    r"|(.+\.)?(ProcessPoolExecutor|_posixsubprocess)"
    r"|os\.(exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|system|popen|fork|forkpty|startfile|\*)"
    r"|click\.(edit|launch|echo_via_pager)"
)
_COMPUTING = frozenset(
    {"__import__", "eval", "exec", "builtins.eval", "builtins.exec", "builtins.__import__"}
)
_IMPORTING = frozenset(
    {"__import__", "builtins.__import__", "importlib.import_module", "importlib.__import__"}
)


def in_module(tree: ast.Module, path: str) -> Iterator[Violation]:
    """Starts of processes in one module of `src`, dynamic spellings included."""
    bindings = Bindings.of(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr | ast.stmt):
            for what in _ways(node, bindings, path):
                yield Violation(path, node.lineno, what, WHY)
    yield from confining(tree, path)
    judge = _JUDGES.get(path, lambda tree, bindings: iter(()))
    for line, what in judge(tree, bindings):
        yield Violation(path, line, what, WHY)


def _other_functions(
    tree: ast.Module, bindings: Bindings, *, known: str
) -> Iterator[tuple[int, str]]:
    """Uses of the C library other than the one allowed function."""
    asked = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == known
    }
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name):
            name = bindings.dotted(node)
            if name == "ctypes.CDLL" and id(node) not in called:
                yield node.lineno, "a library is handed on"
            if name.startswith("ctypes.") and name.removeprefix("ctypes.") not in FOREIGN_NAMES:
                yield node.lineno, f"'{name}' can start a process"
        elif isinstance(node, ast.Call) and bindings.dotted(node.func) == "ctypes.CDLL":
            names = [ast.unparse(argument) for argument in node.args]
            if id(node) not in asked or names != ["None"]:
                yield node.lineno, f"a library is asked for more than {known}"


_JUDGES: dict[str, Callable[[ast.Module, Bindings], Iterator[tuple[int, str]]]] = {
    HOME_OF_SUBPROCESS: other_programs,
    HOME_OF_TESTED_PROGRAMS: out_of_sight,
    HOME_OF_THE_CLIENT: out_of_sight,
    **{home: partial(_other_functions, known=it) for home, it in HOMES_OF_FOREIGN_CALLS.items()},
}
"""Further checks of a module that may do more than others."""


def confining(tree: ast.Module, path: str) -> Iterator[Violation]:
    """Every place that sets the program by which git is started, except the allowed one."""
    what = "a git that is started by another program"
    for node in ast.walk(tree) if path != HOME_OF_CONFINEMENT else ():
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Git", "git.Git", "replace"):
            words = (word for word in node.keywords if word.arg == "prefix")
            yield from (Violation(path, node.lineno, what, WHY) for _ in words)


def _ways(node: ast.stmt | ast.expr, bindings: Bindings, path: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from _imported([alias.name for alias in names], path)
        case ast.ImportFrom(module=str(module), names=names):
            yield from _imported([f"{module}.{alias.name}" for alias in names], path)
        case ast.Attribute() | ast.Name():
            name = bindings.dotted(node)
            if (path, name) not in HOMES_AT_A_TERMINAL:
                yield from _mentioned(name)
        case ast.Call():
            yield from _called(node, bindings, path)
        case ast.Subscript(value=value, slice=key):
            yield from _looked_up(_holder(value, bindings), key)


def _imported(names: list[str], path: str) -> Iterator[str]:
    for name in names:
        homes = (HOME_OF_SUBPROCESS, HOME_OF_TESTED_PROGRAMS, HOME_OF_THE_CLIENT)
        is_at_home = path in homes and name.partition(".")[0] == "subprocess"
        is_at_home = is_at_home or (path in HOMES_OF_FOREIGN_CALLS and name == "ctypes")
        if _starts_processes(name) and not is_at_home:
            yield f"'{name}' can start a process"


def _starts_processes(name: str) -> bool:
    """Whether an imported name is a starting module, lies in one, or is one kept by another."""
    return name.partition(".")[0] in STARTING_MODULES or _is_a_start(name)


def _is_a_start(name: str) -> bool:
    return "subprocess" in name.split(".")[1:] or STARTING_PARTS.fullmatch(name) is not None


def _mentioned(name: str) -> Iterator[str]:
    if _is_a_start(name):
        yield f"'{name}' can start a process"
    if name in _COMPUTING:
        yield f"'{name}' runs code that cannot be judged"


def _called(call: ast.Call, bindings: Bindings, path: str) -> Iterator[str]:
    function = bindings.dotted(call.func)
    first, second = (*call.args, None, None)[:2]
    if function in _IMPORTING:
        named = {word.arg: word.value for word in call.keywords}
        yield from _dynamic_import(first or named.get("name"), path)
    elif function in {"getattr", "builtins.getattr"} and first is not None:
        yield from _looked_up(_holder(first, bindings), second)
    elif function in {"sys.modules.get", "sys.modules.pop"}:
        yield from _looked_up("sys.modules", first)


def _dynamic_import(name: ast.expr | None, path: str) -> Iterator[str]:
    literal = _literal(name)
    if literal is not None:
        yield from _imported([literal], "")
    elif not path.startswith(LAZY_LOADERS) and not _begins_with_our_name(name):
        yield "an import of a computed name"


def _begins_with_our_name(name: ast.expr | None) -> bool:
    match name:
        case ast.JoinedStr(values=[ast.Constant(value=str(text)), *_]):
            return text.startswith("specify_cli.")
    return False


def _holder(expression: ast.expr, bindings: Bindings) -> str:
    """The module whose members an expression holds: itself, its `__dict__`, or `vars` of it."""
    match expression:
        case ast.Call(func=ast.Name(id="vars"), args=[inner]):
            return bindings.dotted(inner)
    return bindings.dotted(expression).removesuffix(".__dict__")


def _looked_up(holder: str, key: ast.expr | None) -> Iterator[str]:
    """A member looked up by a string: `getattr(os, ..)`, `os.__dict__[..]`, `sys.modules[..]`."""
    literal = _literal(key)
    if literal is None:
        yield from ["a computed member of 'os'"] if holder == "os" else []
    elif holder == "sys.modules":
        yield from _imported([literal], "")
    elif holder in MODULES:
        yield from _mentioned(f"{holder}.{literal}")


def _literal(expression: ast.expr | None) -> str | None:
    match expression:
        case ast.Constant(value=str(text)):
            return text
    return None


def agent_calls(tree: ast.Module, path: str) -> Iterator[Violation]:
    """Argument lists that begin with an agent's program, and look-ups of one on the path."""
    for node in ast.walk(tree):
        if isinstance(node, ast.List | ast.Tuple) and _is_command_line(node.elts):
            yield Violation(
                path, node.lineno, "an agent's command line", "the host starts no agent"
            )
        if isinstance(node, ast.Call) and _runs_an_agent(node):
            yield Violation(path, node.lineno, "an agent's program", "the host starts no agent")


def _is_command_line(elements: list[ast.expr]) -> bool:
    """Whether a list begins with an agent and continues with arguments; a list of names does not."""
    words = [_literal(element) for element in elements]
    begins = bool(words) and program_of(words[0] or "") in AGENT_PROGRAMS
    rest = [word for word in words[1:] if word is not None]
    return begins and (len(rest) < len(words) - 1 or any(map(_is_argument, rest)))


def _is_argument(word: str) -> bool:
    return word.startswith("-") or word in {"exec", "run"}


_STARTERS = re.compile(
    r"which|run|call|check_call|check_output|Popen|system|popen|getoutput|launch"
    r"|exec[lv]p?e?|spawn[lv]p?e?|create_subprocess_(exec|shell)|getstatusoutput"
)


def _runs_an_agent(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    name = call.func.id if isinstance(call.func, ast.Name) else name
    if not call.args or not _STARTERS.fullmatch(name):
        return False
    first = call.args[0]
    elements = first.elts if isinstance(first, ast.List | ast.Tuple) else [first]
    return bool(elements) and program_of(_literal(elements[0]) or "") in AGENT_PROGRAMS
