"""The page of a report: one HTML file without links to anything else.

Every text is made printable first, so that the file has no control or bidirectional character.
The template escapes it, and the policy of the page allows only its own style and script.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from specify_cli import __version__
from specify_cli.cli import report_charts, report_file, report_graph, shipped
from specify_cli.mailbox.printable import printable

_FILES: Final = Path(__file__).with_name("report_files")
FIELDS: Final = (
    "seq",
    "at",
    "caller",
    "actor",
    "command",
    "mission",
    "wp",
    "from_lane",
    "to_lane",
    "code",
    "message",
    "waited_ms",
    "duration_ms",
    "correlation_id",
    "args",
    "policy",
    "event_ids",
    "commits",
    "dead_letter",
)
"""The fields of a row of the journal."""


def page(report: Mapping[str, Any], verdict: Mapping[str, Any], asked: Mapping[str, Any]) -> bytes:
    """Return the page.

    Args:
        report: The data of gather-report.
        verdict: `breaks` and `notes` as `mailbox verify` prints them, or `problem`: why it could not run.
        asked: The options `mission` and `since` of the command.
    """
    report, verdict, asked = safe(report), safe(verdict), safe(asked)
    now = report_charts.moment(report["at"])
    style, script = _text("page.css"), _text("page.js")
    text = (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            verdict=verdict,
            asked=asked,
            name=Path(report["root"]).name or report["root"],
            missions=[_drawn(it, now) for it in report["missions"]],
            journal=_journal(report["journal"]["rows"]),
            mark=Markup(report_file.MARK.decode()),  # noqa: S704  a constant
            style=Markup(style),  # noqa: S704  a file of this package
            script=Markup(script),  # noqa: S704  likewise
            policy=_policy(style, script),
            lanes=shipped.lanes(),
            version=__version__,
        )
    )
    return text.encode()


def safe(value: Any) -> Any:
    """Return the value with every text in it made printable, and credentials in it masked."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {printable(name): safe(it) for name, it in value.items()}
    return [safe(it) for it in value] if isinstance(value, list | tuple) else value


def _policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none';"
        " form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _text(name: str) -> str:
    return (_FILES / name).read_text(encoding="utf-8")


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FILES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "when": _when,
        "duration": report_charts.duration,
        "lane": _lane,
        "short": _short,
    }
    made.globals |= {"histogram": report_charts.histogram, "box": report_graph}
    return made


def _when(at: str | datetime | None) -> str:
    if not at:
        return ""
    try:
        known = report_charts.moment(at) if isinstance(at, str) else at
    except (ValueError, OverflowError):
        return str(at)
    return known.strftime("%Y-%m-%d %H:%M:%S")


def _short(text: str, most: int = 50) -> str:
    """Return the start of a name; those of this host are never longer."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _lane(name: str) -> str:
    return name.replace("_", " ")


def _drawn(mission: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    packages = mission["packages"]
    counts = {lane: sum(it["lane"] == lane for it in packages) for lane in shipped.lanes()}
    return {
        **mission,
        "counts": counts,
        "by_id": {it["wp_id"]: it for it in packages},
        "is_open": counts["done"] + counts["canceled"] < len(packages),
        "timeline": report_charts.timeline(packages, now),
        "graph": report_graph.draw({it["wp_id"]: it["dependencies"] for it in packages}),
    }


def _journal(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the rows for the script, newest first; each policy is there once."""
    policies: dict[str, int] = {}
    found = []
    for row in reversed(rows):
        number = policies.setdefault(row["policy"], len(policies))
        at = _when(row["at"])
        found.append([{**row, "policy": number, "at": at}[it] for it in FIELDS])
    return {"fields": FIELDS, "policies": list(policies), "rows": found}
