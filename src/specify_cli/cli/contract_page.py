"""The help page of `orchestrator-api` itself, which lists the commands of the contract."""

from __future__ import annotations

from specify_cli.cli import help_layout
from specify_cli.orchestrator_api.command_names import CONTRACT_COMMANDS

ABOUT = (
    "Send a request to the host. Stdout has exactly one JSON envelope.",
    "Exit 0: done. 1: refused. 2: not understood. SPEC_KITTY_MAILBOX: a mailbox.",
    f"Example: {help_layout.PROGRAM} contract-version",
)
TOGETHER = {
    ("mission-state", "list-missions"): "Show a mission and its packages; list all.",
    ("accept-mission", "merge-mission"): "Accept a mission; merge it into its target.",
    ("heartbeat", "release-claim"): "Report a holder as alive; release a claim.",
    ("show-prompt", "package-history"): "Show the prompt or history of a package.",
}
"""Commands that share a line, so that the page fits on a screen."""


def page() -> str | None:
    """Return the page as click formats it; None if a line has to be wrapped."""
    return help_layout.page(
        "[OPTIONS] COMMAND [ARGS]...",
        [[text] for text in ABOUT],
        {"Options": [help_layout.HELP], "Commands": summaries()},
    )


def summaries() -> list[tuple[str, str]]:
    """Return the rows of all commands, each with its summary, in the order of the contract."""
    rows = dict(CONTRACT_COMMANDS)
    for names, summary in TOGETHER.items():
        rows[names[0]] = summary
        for name in names[1:]:
            del rows[name]
    firsts = {names[0]: ", ".join(names) for names in TOGETHER}
    return [(firsts.get(name, name), summary) for name, summary in rows.items()]
