"""Move a branch together with every working tree that has it checked out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from specify_cli.files import durability
from specify_cli.vcs import lock_ownership
from specify_cli.vcs.checkout_recovery import recover
from specify_cli.vcs.checkout_updates import (
    CheckoutUpdate,
    clear_record,
    index_changes,
    obstacles,
    record_update,
    recorded_update,
    update_checkout,
)
from specify_cli.vcs.checkouts import HEADS, Checkout
from specify_cli.vcs.errors import CheckoutBlocked, TargetMoved
from specify_cli.vcs.git import Git, GitFailed
from specify_cli.vcs.objects import tree_changes

_REFLOG_NOTE: Final = "spec-kitty: move"

CheckoutPlan = tuple[Checkout, CheckoutUpdate]
"""A working tree and its update."""


def obstacles_for(plans: Sequence[CheckoutPlan]) -> list[str]:
    """Describe every obstacle to these updates.

    Raises:
        GitFailed: git will not work in one of the working trees.
    """
    for checkout, _ in plans:
        checkout.require_no_endless_file()
    found: list[str] = []
    for checkout, update in plans:
        operation, lock = checkout.operation(), checkout.index_lock
        texts = [f"{operation} is in progress"] if operation else []
        texts += [f"another git command holds {lock}"] if lock else []
        texts += obstacles(checkout, update)
        found += [f"{checkout.path}: {text}" for text in texts]
    return found


def update_branch(
    git: Git, branch: str, *, update: CheckoutUpdate, plans: Sequence[CheckoutPlan]
) -> None:
    """Move the branch and every working tree to the goal; on failure, return them to where they were.

    Raises:
        CheckoutBlocked: uncommitted changes are in the way.
        TargetMoved: the branch is not at the origin any more.
        GitFailed: git refused.
    """
    found = obstacles_for(plans)
    if found:
        raise CheckoutBlocked(found)
    try:
        update_checkouts(plans)
        update_ref(git, branch, update)
    except BaseException:
        # Report the failure itself, not one of the clean-up.
        with suppress(GitFailed, OSError):
            recover_all(git, branch, [checkout for checkout, _ in plans])
        raise
    for checkout, _ in plans:
        clear_record(checkout)


def update_checkouts(plans: Sequence[CheckoutPlan]) -> None:
    """Move every working tree to its goal; the record of the update stays until the branch follows.

    Raises:
        GitFailed: git refused.
    """
    for checkout, update in plans:
        record_update(checkout, update)
        update_checkout(checkout, update)


def update_ref(git: Git, branch: str, update: CheckoutUpdate) -> None:
    """Point the branch at the goal, provided that it points at the origin.

    Raises:
        TargetMoved: it points elsewhere.
        GitFailed: git refused.
    """
    ref = HEADS + branch
    lock_ownership.note_ref(ref, update.goal)
    # After a power loss no branch may point at commits that were lost.
    durability.sync_all()
    try:
        git.run("update-ref", "-m", _REFLOG_NOTE, ref, update.goal, update.origin)
    except GitFailed:
        tip = branch_tip(git, branch)
        if tip == update.goal:
            return  # Only the reflog could not be written.
        if tip == update.origin:
            raise
        raise TargetMoved(f"{branch} is not at {update.origin} any more") from None


def recover_all(git: Git, branch: str, checkouts: Sequence[Checkout]) -> None:
    """Bring every working tree with an interrupted update to where the branch is.

    Raises:
        GitFailed: git refused; the record stays, so that this can be tried again.
    """
    for checkout in checkouts:
        update = recorded_update(checkout)
        if update is not None:
            checkout.outwait_index()
            checkout.require_no_endless_file()
            recover(checkout, update, wanted=branch_tip(git, branch) or update.origin)
            clear_record(checkout)


def catch_up_checkout(checkout: Checkout, update: CheckoutUpdate) -> None:
    """Move a working tree that is wholly at the origin to the goal; leave any other as it is.

    Raises:
        GitFailed: git refused.
    """
    affected = tree_changes(checkout.git, update.origin, update.goal)
    behind = affected.keys() - set(update.live)
    if not behind or checkout.operation():
        return
    staged = index_changes(checkout, update.origin)
    if not behind & staged.keys() and not any(obstacles(checkout, update)):
        update_checkout(checkout, update)


def branch_tip(git: Git, branch: str) -> str | None:
    """Return the commit of local `branch`; None where there is no such branch."""
    found = git.run("rev-parse", "--quiet", "--verify", f"{HEADS}{branch}^{{commit}}", check=False)
    return found.lines[0] if found.lines else None
