"""Missions of the record whose folders are not checked out."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from specify_cli.errors import StateUnreadable
from specify_cli.storage import checkout
from specify_cli.storage.missing_missions import known_elsewhere
from specify_cli.storage.project import Project
from specify_cli.storage.record_location import MISSIONS
from specify_cli.vcs.file_versions import FileVersions
from specify_cli.vcs.git import GitFailed
from specify_cli.vcs.repository import Repository
from specify_cli.workflow.doctor_elsewhere import switch_to
from specify_cli.workflow.doctor_findings import Finding, note, warning


def examine_missing(project: Project) -> Iterator[Finding]:
    """Report each mission of the record that is not checked out, and how to restore its folder.

    Raises:
        StorageFailed: the disk refused.
    """
    try:
        known = known_elsewhere(project)
    except StateUnreadable:  # A damaged record is reported already.
        return
    at = checkout.look(project.root) if known else None
    for slug, branch in known:
        path = project.mission(slug)
        if at is not None and branch != at.branch and at.has_branch(branch):
            what = f"this mission is on {branch}, but {at.branch} is checked out"
            yield note("not-checked-out", path, what, repair=f"{switch_to(branch)} checks it out")
            continue
        what = "the record has this mission, but its folder does not exist"
        command = _restoring_command(project, slug)
        if command:
            yield warning("not-checked-out", path, what, repair=command)
        else:
            repair = "ignore this if the folder was removed on purpose; otherwise restore it from a backup"
            yield note("not-checked-out", path, what, repair=repair)


def _restoring_command(project: Project, slug: str) -> str:
    """Return advice with the command that restores the folder; empty if neither HEAD nor a stash has it."""
    name = f"{MISSIONS}/{slug}/meta.json"
    try:
        repository = Repository.find(project.root)
        if repository is None:
            return ""
        folder = shlex.quote(f"{MISSIONS}/{slug}")
        versions = FileVersions(repository=repository, path=project.root / name)
        if versions.in_commit("HEAD"):
            return f"'git checkout HEAD -- {folder}' restores the committed files"
        stash = next(iter(versions.stashes()), "")
    except GitFailed:  # A fault of the repository is reported already.
        return ""
    return f"'git stash pop {stash}' restores it" if stash else ""
