"""Check the commits of an agent: their ancestry, their size and the names in their trees."""

from __future__ import annotations

from specify_cli.core.merge_paths import shown
from specify_cli.vcs.content_limits import NewObject, case_faults, new_objects
from specify_cli.vcs.errors import LimitExceeded
from specify_cli.vcs.git import Git
from specify_cli.vcs.intake_request import MOST_NAMED, IntakeLimits, IntakeRefused, IntakeSource
from specify_cli.vcs.repository import independent, is_ancestor
from specify_cli.vcs.tree_checks import MOST_FAULTS, TreeFault, tree_faults


def check_commits(
    git: Git, source: IntakeSource, tip: str, *, known: str | None, bounds: IntakeLimits
) -> list[NewObject]:
    """Check that the commits may be taken in; return the objects that are new with them.

    Raises:
        IntakeRefused: they may not be taken in.
        LimitExceeded: they exceed a limit.
    """
    if not is_ancestor(git, source.base, tip):
        is_related = git.run("merge-base", source.base, tip, check=False).lines
        flag = "" if is_related else "--allow-unrelated-histories "
        text = (
            f"{source.branch} is at {tip}, whose history lacks the commit {source.base}, at which the work"
            f" began; to merge it, its agent runs in {source.workspace}: git merge {flag}{source.base}"
        )
        raise IntakeRefused(text, code="not_descended")
    if tip == known:
        return []
    standing = [it for it in (source.base, source.public, known) if it]
    brought = new_objects(git, tip, known=standing, most_bytes=bounds.bytes)
    faults = _faults(git, source, tip, most_files=bounds.files)
    if faults:
        faults_shown = [
            f"{shown(it.path)!r} in {it.commit}: {it.problem}" for it in faults[:MOST_NAMED]
        ]
        more = " and more" if len(faults) > MOST_NAMED else ""
        text = f"names that a file system cannot hold safely: {'; '.join(faults_shown)}{more}"
        paths = [shown(it.path) for it in faults[:MOST_NAMED]]
        advice = "rewrite the commits without them"
        raise IntakeRefused(f"{text}; {advice}", code="bad_content", paths=paths)
    return brought


def _faults(git: Git, source: IntakeSource, tip: str, *, most_files: int) -> list[TreeFault]:
    """Return the faulty names that neither the base nor the target brought in."""
    ends = [source.base]
    if source.public and source.public != source.base:
        ends += git.run("merge-base", tip, source.public, check=False).lines
    beside = independent(git, ends)
    found: list[list[TreeFault]] = []
    for number, commit in enumerate(beside, 1):
        try:
            found.append(_beside(git, tip, base=commit, most_files=most_files))
        except LimitExceeded:
            if number == len(beside) and not found:
                raise
    first, *others = found
    names = [{(it.path, it.problem) for it in faults} for faults in others]
    return [it for it in first if all((it.path, it.problem) in known for known in names)]


def _beside(git: Git, tip: str, *, base: str, most_files: int) -> list[TreeFault]:
    """Return the faulty names in the history of the tip that `base` does not have."""
    in_the_end = case_faults(git, tip, base=base, most_files=most_files)
    ever = tree_faults(git, [tip], beside=base)
    if len(ever) == MOST_FAULTS:
        # There may be more, so that a comparison with another base is impossible.
        raise LimitExceeded(f"they have {MOST_FAULTS} faulty names, or more", path=ever[0].path)
    return in_the_end + ever
