"""The dates of execution lanes' newest commits; git reads only commits that are not cached."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from specify_cli.storage import git_folders
from specify_cli.storage.project import Project

if TYPE_CHECKING:
    from specify_cli.vcs.repository import Tip

_MOST: Final = 10_000
_known: Final[dict[tuple[Path, str], Tip]] = {}
"""By the project's root and the commit."""


def dated_tips(project: Project, branches: Collection[str]) -> Mapping[str, Tip]:
    """Map each existing branch to its commit and the date of that.

    Raises:
        StorageFailed: git refused.
    """
    known = _from_files(project, branches)
    if known is not None:
        return known
    # Loaded here because a reading command may need git for nothing else.
    from specify_cli.workflow import repositories

    with repositories.looking(project) as repository:
        tips = repository.dated_tips(branches) if repository else {}
    if len(_known) > _MOST:
        _known.clear()
    _known.update({(project.root, tip.commit): tip for tip in tips.values()})
    return tips


def _from_files(project: Project, branches: Collection[str]) -> dict[str, Tip] | None:
    """Read the same without git; None if a commit is not cached, or the files do not have the branch."""
    git_folder = git_folders.around(project.root)
    if git_folder is None:
        return None
    common = git_folders.common(git_folder)
    try:
        commits = {branch: git_folders.branch_tip(common, branch) for branch in branches}
        return {
            branch: _known[project.root, commit] for branch, commit in commits.items() if commit
        }
    except (git_folders.NotInFiles, KeyError):
        return None
