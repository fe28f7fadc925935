"""A sound project that tests damage, and the doctor diagnoses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from specify_cli.mailbox.layout import MailboxLayout
from specify_cli.storage.project import Project
from specify_cli.workflow.doctor import Doctor
from specify_cli.workflow.doctor_findings import Finding
from tests.patience import LONGEST_S

SLUG = "001-search"
LONG_AGO = 1_700_000_000


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True, timeout=LONGEST_S
    )
    return done.stdout.strip()


def move(wp_id: str = "WP01", to: str = "claimed", **changes: Any) -> dict[str, Any]:
    return {
        "event_id": "01K8QZ4W3M4Y6T1F8B2Q5R7X01",
        "at": "2026-05-01T10:00:00+00:00",
        "actor": "alice",
        "wp_id": wp_id,
        "from_lane": "planned",
        "to_lane": to,
        **changes,
    }


class Patient:
    """A sound project with one mission of two packages."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.mission = root / "kitty-specs" / SLUG
        git(root, "init", "-q", "-b", "main")
        MailboxLayout(root).ensure()
        (self.mission / "tasks").mkdir(parents=True)
        self.write("tasks.md", "# Work packages\n")
        self.write_meta()
        self.write_prompt("WP01-index", owned_files='["src/index/**"]')
        self.write_prompt("WP02-query", dependencies="[WP01]", owned_files='["src/query/**"]')
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "sound")

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.mission / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def write_meta(self, **changes: Any) -> None:
        meta = {"mission_slug": SLUG, "mission_number": 1, "target_branch": "main"}
        self.write("meta.json", json.dumps(meta | changes, indent=1))

    def write_prompt(self, stem: str, **fields: str) -> Path:
        header = {"work_package_id": stem[:4], "title": stem[5:] or stem, **fields}
        lines = "".join(f"{name}: {value}\n" for name, value in header.items())
        return self.write(f"tasks/{stem}.md", f"---\n{lines}---\n")

    def write_log(self, *lines: dict[str, Any] | str) -> Path:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        return self.write("status.events.jsonl", "".join(f"{text}\n" for text in texts))

    def worktree(self, lane: str, branch: str) -> Path:
        path = self.project.worktrees / f"{SLUG}-{lane}"
        git(self.project.root, "worktree", "add", "-q", "-b", branch, str(path))
        return path

    def link_inbox_elsewhere(self) -> None:
        inbox = self.project.kitty / "inbox"
        inbox.rmdir()
        inbox.symlink_to("/")

    def found(self, check: str) -> list[Finding]:
        findings = Doctor(self.project).diagnose().findings
        return [finding for finding in findings if finding.check == check]

    def places(self, check: str) -> list[tuple[str, int | None]]:
        return [(finding.file.name, finding.line) for finding in self.found(check)]
