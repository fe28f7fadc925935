"""Rules for the command line of a host, in addition to the golden cases."""

from __future__ import annotations

import hashlib
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from specify_cli.conformance.checks import RuleSet
from specify_cli.conformance.command_line import (
    MISSION,
    WP,
    CommandLineContext,
    envelope_in,
    journal_of,
    log_of,
    new_request,
    note_request,
)
from specify_cli.conformance.compare import envelope_of, excerpt
from specify_cli.conformance.findings import demand
from specify_cli.conformance.journal_chain import chain_errors
from specify_cli.conformance.requests import fresh_id

RULES = RuleSet("cli", frozenset({"cli"}), [])
LINE = "orchestrator-api.md, The command line"
IDS = "orchestrator-api.md, Idempotency and finality"
STATE = ["mission-state", "--mission", MISSION]
MINTED = re.compile(r"corr-[0-9a-f]{32}")
# Arguments and the expected exit code.
INVOCATIONS: list[tuple[list[str], int]] = [
    (["contract-version"], 0),
    (STATE, 0),
    (["mission-state", "--mission", "999-nothing"], 1),
    (["paint-mission"], 2),
    (["mission-state"], 2),
    ([*STATE, "--colour"], 2),
    ([], 2),
]


@RULES.rule("one-envelope", section=LINE)
def one_envelope(context: CommandLineContext) -> None:
    """Stdout is exactly one envelope on one line, for every command line."""
    root = context.project()
    for argv, _ in INVOCATIONS:
        envelope_of(context.command_line.run(root, argv).raw)


@RULES.rule("exit-codes", section=LINE)
def exit_codes(context: CommandLineContext) -> None:
    """Exit 0 on success, 1 when refused, 2 exactly for USAGE_ERROR."""
    root = context.project()
    for argv, right in INVOCATIONS:
        code = context.command_line.run(root, argv).exit_code
        demand(code == right, f"{argv}: exit code {code}, expected {right}")


@RULES.rule("help-is-prose", section=LINE)
def help_is_prose(context: CommandLineContext) -> None:
    """--help prints a help text and ends with exit code 0."""
    said = context.command_line.run(context.project(), ["transition", "--help"])
    demand(said.exit_code == 0, f"exit code {said.exit_code}")
    demand(b"--mission" in said.raw, f"--mission is missing: {excerpt(said.raw)}")


@RULES.rule("no-abbreviation", section=LINE)
def no_abbreviation(context: CommandLineContext) -> None:
    """A flag cannot be abbreviated, and there is no --json."""
    root = context.project()
    for argv in (["mission-state", "--miss", MISSION], [*STATE, "--json"]):
        code = envelope_in(context.command_line.run(root, argv).raw)["error_code"]
        demand(code == "USAGE_ERROR", f"{argv}: error_code {code}")


@RULES.rule("project-by-environment", section=LINE)
def project_by_environment(context: CommandLineContext) -> None:
    """SPECIFY_REPO_ROOT names the project; without a project the mission is not found."""
    root = context.project()
    elsewhere = context.folder / f"elsewhere-{fresh_id()}"
    elsewhere.mkdir()
    lost = envelope_in(context.command_line.run(elsewhere, STATE).raw)["error_code"]
    demand(lost == "MISSION_NOT_FOUND", f"outside of any project: error_code {lost}")
    named = envelope_in(context.command_line.run(elsewhere, STATE, SPECIFY_REPO_ROOT=str(root)).raw)
    demand(named["success"], f"with SPECIFY_REPO_ROOT: error_code {named['error_code']}")


@RULES.rule("id-comes-back", section=IDS)
def id_comes_back(context: CommandLineContext) -> None:
    """The envelope has the id that was given, or else one that the host generates."""
    root, mine = context.project(), fresh_id()
    answer = envelope_in(context.command_line.send(root, note_request(correlation_id=mine)).raw)
    demand(answer["correlation_id"] == mine, f"{mine} became {answer['correlation_id']}")
    minted = envelope_in(context.command_line.run(root, STATE).raw)["correlation_id"]
    demand(MINTED.fullmatch(str(minted)), f"generated id: {minted!r}")


@RULES.rule("same-id-same-answer", section=IDS)
def same_id_same_answer(context: CommandLineContext) -> None:
    """The same request under the same id is answered with the same bytes."""
    root, request = context.project(), note_request()
    first, second = (context.command_line.send(root, request).raw for _ in range(2))
    demand(first == second, f"first {excerpt(first)}, then {excerpt(second)}")


@RULES.rule("same-id-one-effect", section=IDS)
def same_id_one_effect(context: CommandLineContext) -> None:
    """The same request under the same id has no second effect."""
    root, request = context.project(), note_request()
    context.command_line.send(root, request)
    log = log_of(root)
    demand(log, "the request added no event to the log")
    context.command_line.send(root, request)
    demand(log_of(root) == log, "the event log has grown")


@RULES.rule("same-id-other-request", section=IDS)
def same_id_other_request(context: CommandLineContext) -> None:
    """A different request with a used id is refused with CORRELATION_ID_CONFLICT and has no effect."""
    root, request = context.project(), note_request()
    context.command_line.send(root, request)
    log = log_of(root)
    other = context.command_line.send(
        root, note_request("otherwise", correlation_id=request.correlation_id)
    )
    code = envelope_in(other.raw)["error_code"]
    demand(code == "CORRELATION_ID_CONFLICT", f"error_code {code}")
    demand(log_of(root) == log, "the event log has changed")


@RULES.rule("reads-write-nothing", section=IDS)
def reads_write_nothing(context: CommandLineContext) -> None:
    """A read command changes nothing in mission and repository."""
    root = context.project()
    before = tree(root)
    workspace = ["resolve-workspace", "--mission", MISSION, "--wp", WP]
    for argv in (STATE, ["list-ready", "--mission", MISSION], workspace, ["contract-version"]):
        context.command_line.run(root, argv)
        changed = before.items() ^ tree(root).items()
        demand(not changed, f"{argv[0]} has changed {sorted({name for name, _ in changed})}")


@RULES.rule("refusals-leave-no-trace", section="orchestrator-api.md, The envelope")
def refusals_leave_no_trace(context: CommandLineContext) -> None:
    """A refused request does not change the event log."""
    root = context.project()
    context.command_line.send(root, note_request())
    log = log_of(root)
    for to in ("done", "no-lane"):
        transition = new_request("transition", mission=MISSION, wp=WP, to=to, actor="kit")
        answer = envelope_in(context.command_line.send(root, transition).raw)
        demand(not answer["success"], f"a transition from planned to {to} succeeds")
        demand(log_of(root) == log, f"{answer['error_code']} has changed the event log")


@RULES.rule("one-winner", section="orchestrator-api.md, start-implementation")
def one_winner(context: CommandLineContext) -> None:
    """If several actors start a package at once, exactly one succeeds; the others get WP_ALREADY_CLAIMED."""
    root = context.project()
    start = partial(context.request, root, "start-implementation", mission=MISSION, wp=WP)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda actor: start(actor=actor), ("ada", "bruno")))
    codes = sorted(str(answer["error_code"]) for answer in answers)
    demand(codes == ["None", "WP_ALREADY_CLAIMED"], f"error codes {codes}")


@RULES.rule("journal-line", section="mailbox.md, The journal", requires=("journal",))
def journal_line(context: CommandLineContext) -> None:
    """A changing call has one line in the journal, also if it is repeated; a read call has none."""
    root, request = context.project(), note_request()
    for _ in range(2):
        context.command_line.send(root, request)
    context.command_line.run(root, STATE)
    found = [line["correlation_id"] for line in journal_of(root)]
    demand(found == [request.correlation_id], f"lines for {found}, expected one for the change")


@RULES.rule("journal-chain", section="mailbox.md, The journal", requires=("journal",))
def journal_chain(context: CommandLineContext) -> None:
    """The lines of the journal are numbered without gaps, chained, and match their schema."""
    root = context.project()
    for text in ("one", "two", "three"):
        context.command_line.send(root, note_request(text))
    broken = list(chain_errors(root / ".kitty" / "outbox"))
    demand(not broken, "; ".join(broken))
    demand(len(journal_of(root)) > 2, "three changes have fewer than three lines")


def tree(root: Path) -> dict[str, str]:
    """Return the digest of each file by path, without git objects, git index, and host files."""
    skipped = (".kitty", ".git/objects", ".git/index", ".git/spec-kitty/")
    names = {path: path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path, name in names.items()
        if not name.startswith(skipped)
    }
