"""Missions that the host knows, and whose folders are not checked out."""

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
    """Every mission that the host knows and that is not checked out, and how it comes back.

    Raises: StorageFailed.
    """
    try:
        known = known_elsewhere(project)
    except StateUnreadable:  # A finding about the record already.
        return
    at = checkout.look(project.root) if known else None
    for slug, branch in known:
        path = project.mission(slug)
        if at is not None and branch != at.branch and at.has_branch(branch):
            what = (
                f"the host knows this mission, which is on {branch}, and {at.branch} is checked out"
            )
            yield note("not-checked-out", path, what, repair=f"{switch_to(branch)} checks it out")
            continue
        what = "the host knows this mission, and its folder is gone"
        way = _way_back(project, slug)
        if way:
            yield warning("not-checked-out", path, what, repair=way)
        else:
            repair = "nothing, where it was removed on purpose; else restore it from a backup"
            yield note("not-checked-out", path, what, repair=repair)


def _way_back(project: Project, slug: str) -> str:
    """The command that brings the folder back; empty where neither HEAD nor a stash has it."""
    name = f"{MISSIONS}/{slug}/meta.json"
    try:
        repository = Repository.find(project.root)
        if repository is None:
            return ""
        folder = shlex.quote(f"{MISSIONS}/{slug}")
        versions = FileVersions(repository=repository, path=project.root / name)
        if versions.in_commit("HEAD"):
            return f"'git checkout HEAD -- {folder}' brings back what is committed of it"
        stash = next(iter(versions.stashes()), "")
    except GitFailed:  # A finding about the repository already.
        return ""
    return f"'git stash pop {stash}' brings it back" if stash else ""
