"""The commands that change nothing, as methods that return typed replies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, Unpack

from spec_kitty_client.contract import Command
from spec_kitty_client.history_replies import ListMissions, PackageHistory, ShowPrompt
from spec_kitty_client.options import Options
from spec_kitty_client.read_replies import (
    ContractVersion,
    ListReady,
    MissionState,
    ResolveWorkspace,
)

T = TypeVar("T")


class ReadCommands:
    """A method for each command that changes nothing.

    `mission` is the folder name of a mission, its number or its id. `wp` is `WP` and digits. `actor` is who
    acts, such as the name of an agent.

    Each method raises `Refused`, by its subclasses, if the host refuses the request; `NoWorkerError` if no
    worker serves the mailbox; another `NotAnsweredError` if there is no reply in time; `TransportError` if
    the host cannot be reached; and `BadReplyError` if the reply is not valid.
    """

    def _send(
        self,
        command: Command,
        shape: type[T],
        args: Mapping[str, object],
        options: Mapping[str, object],
    ) -> T:
        raise NotImplementedError

    def contract_version(
        self, provider_version: str | None = None, **options: Unpack[Options]
    ) -> ContractVersion:
        """Return the version of the contract that the host speaks.

        Args:
            provider_version: The version of the contract that the caller was written for.

        Raises:
            ContractVersionMismatch: The host does not serve that version.
        """
        args = {"provider_version": provider_version}
        return self._send("contract-version", ContractVersion, args, options)

    def mission_state(
        self,
        mission: str,
        *,
        after: str | None = None,
        wait_s: int | None = None,
        **options: Unpack[Options],
    ) -> MissionState:
        """Return the state of every work package of the mission. See `changes` for a loop.

        Args:
            after: The `position` of an earlier reply, to compare with. Since 1.5.0.
            wait_s: Seconds, up to 300, that the host waits for a change, in addition to `timeout_s`.
        """
        args = {"mission": mission, "after": after, "wait_s": wait_s}
        return self._send("mission-state", MissionState, args, options)

    def list_ready(
        self,
        mission: str,
        *,
        after: str | None = None,
        wait_s: int | None = None,
        **options: Unpack[Options],
    ) -> ListReady:
        """Return the work packages that can be started now; all of them can be started at the same time.

        Args:
            after: The `position` of an earlier reply, to compare with. Since 1.5.0.
            wait_s: Seconds, up to 300, that the host waits for a change, in addition to `timeout_s`.
        """
        args = {"mission": mission, "after": after, "wait_s": wait_s}
        return self._send("list-ready", ListReady, args, options)

    def resolve_workspace(
        self, mission: str, wp: str, **options: Unpack[Options]
    ) -> ResolveWorkspace:
        """Return the workspace, the branch and the prompt of a work package, existing or planned.

        Raises:
            LaneAllocationFailed: The branch with the recorded work does not exist any more.
        """
        args = {"mission": mission, "wp": wp}
        return self._send("resolve-workspace", ResolveWorkspace, args, options)

    def list_missions(
        self, *, limit: int = 500, after: str | None = None, **options: Unpack[Options]
    ) -> ListMissions:
        """Return the missions of the project that the caller may see, by folder name.

        Args:
            limit: Maximum number of missions, from 1 to 500.
            after: A folder name: return the first missions after it.
        """
        args = {"limit": limit, "after": after}
        return self._send("list-missions", ListMissions, args, options)

    def show_prompt(self, mission: str, wp: str, **options: Unpack[Options]) -> ShowPrompt:
        """Return the prompt of a work package, with the current state of its subtasks."""
        return self._send("show-prompt", ShowPrompt, {"mission": mission, "wp": wp}, options)

    def package_history(
        self,
        mission: str,
        wp: str | None = None,
        *,
        limit: int = 50,
        after: str | None = None,
        before: str | None = None,
        **options: Unpack[Options],
    ) -> PackageHistory:
        """Return the history of a package or of the mission; the newest event is last.

        Args:
            wp: Default: all packages, and the events of the mission.
            limit: Maximum number of events, from 1 to 500.
            after: An `event_id`: return the first events after it.
            before: An `event_id`: return the last events before it.
        """
        args = {"mission": mission, "wp": wp, "limit": limit, "after": after, "before": before}
        return self._send("package-history", PackageHistory, args, options)
