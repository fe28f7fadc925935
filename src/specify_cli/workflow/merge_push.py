"""The push of a merge. It can take minutes, and therefore holds neither the lock of the mission nor of the repository."""

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
    """A merge to push before it takes effect here; if `is_new`, origin cannot have it yet."""

    files: MissionFiles
    repository: Repository
    plan: MergePlan
    _: KW_ONLY
    is_new: bool


def lock_push(files: MissionFiles) -> locks.LifeLock:
    """Lock the mission against other pushes until the lock is released or the process exits.

    Only the holder may complete or discard the recorded intent of the merge.

    Raises:
        PreflightFailed: another process holds the lock.
    """
    path = files.project.lock(f"push-{files.slug}")
    lock = locks.LifeLock.try_acquire(path)
    if lock is None:
        text = f"{locks.holder(path)} is pushing a merge of {files.slug}: try again later"
        raise PreflightFailed(text, errors=[text])
    return lock


def carry_out(push: Push) -> None:
    """Push the merge to origin.

    Call it with the lock of `lock_push`, and without those of the mission and of the repository.

    Raises:
        PreflightFailed: the push failed, and the intent is removed; or its outcome is unknown, and
            the intent is kept.
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
            f"the outcome of the push is unknown: {remote_push.REMOTE} may have accepted the merge"
            f" {plan.to_commit[:12]} into {plan.target}, or may still accept it ({error});"
            f" {plan.target} was not moved here; the next merge-mission asks {remote_push.REMOTE} and"
            f" completes the merge, or discards it if {remote_push.REMOTE}'s {plan.target} has other commits"
        )
        merge_preflight.refuse([text])
    except remote_push.PushFailed as error:
        merge_intent.discard(push.files)
        merge_preflight.refuse([f"{plan.target} was neither moved nor pushed: {error}"])
