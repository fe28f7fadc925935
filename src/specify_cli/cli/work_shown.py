"""Print the work under review; control characters in it do not reach the terminal."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from specify_cli.cli.client import ask
from specify_cli.cli.output import bold, say, styled
from specify_cli.cli.prompting import Chosen
from specify_cli.cli.prompts import feedback_lines

SHORT = 12
"""Characters of an abbreviated commit id."""

STYLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {"@": {"fg": "cyan"}, "+": {"fg": "green"}, "-": {"fg": "red"}}
)
"""The style of a line of a hunk, by its first character."""


def show(work: Mapping[str, Any]) -> None:
    """Print commits, changed files, open subtasks and earlier feedback."""
    if work["commit"] is None:
        say(" has no commit of its own", head=bold(work["wp_id"]))
    else:
        since = f", since {work['base'][:SHORT]}" if work["base"] else ""
        say(f" as of commit {work['commit']}{since}", head=bold(work["wp_id"]))
    _show_commits(work)
    if work["files"]:
        say(f"changed files: {work['files_total']}")
    for file in work["files"]:
        mark = "  (outside the owned files)" if file["is_outside"] else ""
        say(f"  {file['change']:<8} {file['path']}{mark}")
    _say_rest("files", work["files_total"] - len(work["files"]))
    for problem in work["problems"]:
        say(f"warning: {problem}")
    if work["open_subtasks"]:
        say(f"open subtasks: {', '.join(work['open_subtasks'])}")
    for line in feedback_lines(work.get("feedback")):
        say(line)


def page_diff(work: Mapping[str, Any], chosen: Chosen) -> None:
    """Show the diff in the user's pager."""
    ends = {name: work[name] for name in ("base", "commit")}
    page(ask("show-diff", mission=chosen.slug, wp=work["wp_id"], **ends))


def page(data: Mapping[str, Any], *, is_summary: bool = False) -> None:
    """Show the diff in the data of show-diff in the user's pager; without a terminal, print it."""
    from specify_cli.cli import paging

    lines = data["diff"].removesuffix("\n").split("\n")
    text = "\n".join(map(_summarized, lines) if is_summary else _colored(lines))
    kind = "--stat" if is_summary else "--text"
    whole = f"git diff --no-ext-diff --no-textconv {kind} {data['base']} {data['commit']}"
    paging.show(text, os.environ.get("GIT_PAGER", data["pager"]), see=whole)
    if data["is_cut"]:
        say(f"the diff is longer than what was shown: see '{whole}'", is_error=True)


def _show_commits(work: Mapping[str, Any]) -> None:
    for commit in work["commits"]:
        say(f"  {commit['commit'][:SHORT]}  {commit['subject']}  ({commit['author']})")
    _say_rest("commits", work["commits_total"] - len(work["commits"]))
    for left in work.get("commits_not_included", ()):
        newest = left["commits"][0][:SHORT]
        say(
            f"not part of it: newer commits of {left['lane_branch']}: {left['total']}, up to {newest};"
            " they can be reviewed once they are submitted"
        )


def _say_rest(what: str, count: int) -> None:
    if count:
        say(f"  ... and {count} more {what}")


def _colored(lines: Iterable[str]) -> Iterator[str]:
    is_head = False
    for line in lines:
        is_head = line.startswith("diff ") or (is_head and not line.startswith("@@ "))
        style = {"bold": True} if is_head else STYLES.get(line[:1], {})
        yield styled(_harmless(line), **style)


def _summarized(line: str) -> str:
    """Color the signs after the last bar, which a name cannot contain together with what follows it."""
    name, bar, signs = _harmless(line).rpartition(" | ")
    count, plus, rest = signs.partition("+")
    if not bar or not set(plus + rest) <= {"+", "-"}:
        return name + bar + signs
    removed = rest.lstrip("+")
    added = plus + rest[: len(rest) - len(removed)]
    return f"{name}{bar}{count}{styled(added, fg='green')}{styled(removed, fg='red')}"


def _harmless(line: str) -> str:
    # Credentials are not masked here: the reviewer must see every line of code.
    from specify_cli.mailbox import printable

    return "\t".join(printable.escaped(part) for part in line.split("\t"))
