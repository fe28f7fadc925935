"""The text of a systemd unit that runs the worker of a project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HEAD = "# Written by 'spec-kitty mailbox install-service'. Change it with 'systemctl edit'.\n"

_HIDDEN_BY_PRIVATE_TMP = ("/tmp", "/var/tmp")  # noqa: S108  only compared

# Options that need no mount namespace, so that a manager of a user can set them, too.
_EVERYWHERE = (
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "SystemCallArchitectures=native",
    "# bubblewrap, which reads the commits of agents, needs @mount and namespaces.",
    "SystemCallFilter=@system-service @mount",
    "SystemCallErrorNumber=EPERM",
    "RestrictNamespaces=user mnt pid net ipc uts cgroup",
    "# Not set: MemoryDenyWriteExecute (hooks and filters of the project may be any program),",
    "# RestrictSUIDSGID (git sets such a bit on the folders of a shared repository).",
)
_SYSTEM = (
    "ProtectSystem=strict",
    "ProtectHome=read-only",
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectControlGroups=yes",
    "KeyringMode=private",
    "RemoveIPC=yes",
    "# Not set: PrivateUsers and ProtectProc (the host compares the owners of files and processes),",
    "# PrivateNetwork (a merge may push).",
)
# Of a user without rights. Root gives folders to the users of orchestrators, and enters namespaces.
_NO_CAPABILITIES = ("CapabilityBoundingSet=", "AmbientCapabilities=")
_UNUSED_CAPABILITIES = (
    (
        "CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_BOOT CAP_SYS_TIME CAP_SYSLOG"
        " CAP_SYS_PACCT CAP_WAKE_ALARM CAP_BPF CAP_PERFMON CAP_MAC_ADMIN CAP_MAC_OVERRIDE"
        " CAP_AUDIT_CONTROL CAP_NET_RAW CAP_MKNOD CAP_BLOCK_SUSPEND"
    ),
)
_OF_USER = (
    "# Not set: options with a mount namespace, such as ProtectSystem. In a user's manager they hide",
    "# who owns files, and the host checks the owners of requests and settings.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What a unit is about.

    Attributes:
        program: The absolute path of `spec-kitty`.
        project: The root of the project.
        writable: Folders outside the project that the worker writes to.
        user: The user that the worker runs as; None in the unit of a user's own manager.
    """

    program: Path
    project: Path
    writable: Sequence[Path] = ()
    user: str | None = None

    def text(self) -> str:
        """Return the content of the file."""
        return HEAD + "\n".join([*self._unit(), "", *self._service(), "", *self._install(), ""])

    def _unit(self) -> Iterator[str]:
        yield "[Unit]"
        # The path is not last: a line that ends with a backslash would go on in the next one.
        yield f"Description=mailbox of {_specifiers(str(self.project))} (spec-kitty)"
        yield "After=network.target"
        yield f"RequiresMountsFor={quoted(self.project)}"
        yield "StartLimitIntervalSec=300"
        yield "StartLimitBurst=10"

    def _service(self) -> Iterator[str]:
        yield "[Service]"
        yield "# Not notify-reload: 'systemctl reload' fails if config.toml is refused, and says why."
        yield "Type=notify"
        for option, command in (("ExecStart", "serve"), ("ExecReload", "reload")):
            project = argument(self.project)
            yield f"{option}={quoted(self.program)} mailbox {command} --project {project}"
        if self.user is not None:
            yield f"User={_specifiers(self.user)}"
        yield "# The worker answers it as long as its main loop makes progress."
        yield "WatchdogSec=60"
        yield "Restart=on-failure"
        yield "RestartSec=5"
        yield "TimeoutStartSec=300"
        yield "# The worker ends its own children, and itself within five seconds."
        yield "KillMode=mixed"
        yield "TimeoutStopSec=15"
        yield from self._hardening()

    def _hardening(self) -> Iterator[str]:
        yield from _EVERYWHERE
        if self.user is None:
            yield from _OF_USER
            return
        yield from _SYSTEM
        yield f"ReadWritePaths={' '.join(map(quoted, (self.project, *self.writable)))}"
        if not any(self.project.is_relative_to(it) for it in _HIDDEN_BY_PRIVATE_TMP):
            yield "PrivateTmp=yes"
        yield from _UNUSED_CAPABILITIES if self.user == "root" else _NO_CAPABILITIES

    def _install(self) -> Iterator[str]:
        yield "[Install]"
        yield f"WantedBy={'default.target' if self.user is None else 'multi-user.target'}"


def argument(path: Path) -> str:
    """Return the path as an argument of a command line in a unit.

    Source: systemd.service(5), "Command lines".
    """
    return quoted(path).replace("$", "$$")


def quoted(path: Path) -> str:
    """Return the path as one word in a unit.

    Source: systemd.syntax(7), "Quoting"; systemd.unit(5), "Specifiers".
    """
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_specifiers(escaped)}"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")
