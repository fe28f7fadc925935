"""When the branches of execution lanes were moved last: git is asked for commits that were not seen before."""

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
    """The commit that each of the branches is at, with its date; without those that there are not.

    Raises: StorageFailed where git refuses.
    """
    known = _from_files(project, branches)
    if known is not None:
        return known
    # What asks for this may be a read that needs git for nothing else.
    from specify_cli.workflow import repositories

    with repositories.looking(project) as repository:
        tips = repository.dated_tips(branches) if repository else {}
    if len(_known) > _MOST:
        _known.clear()
    _known.update({(project.root, tip.commit): tip for tip in tips.values()})
    return tips


def _from_files(project: Project, branches: Collection[str]) -> dict[str, Tip] | None:
    """The same without git; None where a commit was not seen before, or the files do not tell."""
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
