"""The push of a merge: what the network takes minutes for, outside the locks of mission and repository."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from specify_cli.errors import PreflightFailed
from specify_cli.files import locks
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.vcs import remote_push
from specify_cli.vcs.merge import MergePlan
from specify_cli.vcs.repository import Repository
from specify_cli.workflow import merge_intent, merge_preflight


@dataclass(frozen=True, slots=True)
class Push:
    """A merge that is to be at origin before it is made here; a new one cannot be there yet."""

    files: MissionFiles
    repository: Repository
    plan: MergePlan
    _: KW_ONLY
    is_new: bool


def lock_push(files: MissionFiles) -> locks.LifeLock:
    """Nobody else pushes a merge of the mission until this is released, or the process dies.

    So the intent of the merge, which is on disk, is this caller's to complete or to discard.

    Raises:
        PreflightFailed: somebody else does.
    """
    path = files.project.lock(f"push-{files.slug}")
    lock = locks.LifeLock.try_acquire(path)
    if lock is None:
        text = f"{locks.holder(path)} pushes a merge of {files.slug} now: ask again later"
        raise PreflightFailed(text, errors=[text])
    return lock


def carry_out(push: Push) -> None:
    """Origin has the merge.

    Call it without the locks of the mission and of the repository, and with the one of `lock_push`.

    Raises:
        PreflightFailed: it has not, and the merge is forgotten; or nobody can say, and it is kept.
        StorageFailed: the disk refused.
    """
    plan = push.plan
    try:
        remote_push.push(
            push.repository,
            commit=plan.to_commit,
            target=plan.target,
            may_be_there=not push.is_new,
            timeout_s=push.files.project.settings.push_timeout_s,
        )
    except remote_push.PushUnknown as error:
        text = (
            f"the outcome of the push is unknown: {remote_push.REMOTE} may have taken the merge"
            f" {plan.to_commit[:12]} into {plan.target}, or may take it yet ({error});"
            f" {plan.target} was not moved here; the next merge-mission asks {remote_push.REMOTE} and"
            f" completes the merge, or forgets it once {remote_push.REMOTE}'s {plan.target} went elsewhere"
        )
        merge_preflight.refuse([text])
    except remote_push.PushFailed as error:
        merge_intent.discard(push.files)
        merge_preflight.refuse([f"{plan.target} was not moved, nor pushed: {error}"])
