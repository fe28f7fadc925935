"""Choose the configuration that a workspace takes over from its project."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from specify_cli.patterns import pattern
from specify_cli.vcs.git import FALLBACK_EMAIL, FALLBACK_NAME, Git
from specify_cli.vcs.remote_urls import from_elsewhere, resolved, without_user

PROJECT_REMOTE: Final = "project"
"""The name of the remote that is the mirror, in a workspace."""

_TAKEN: Final = frozenset(
    {
        "commit.gpgsign",
        "core.autocrlf",
        "core.eol",
        "core.filemode",
        "core.ignorecase",
        "core.precomposeunicode",
        "core.sparsecheckout",
        "core.sparsecheckoutcone",
        "core.symlinks",
        "tag.gpgsign",
        "user.signingkey",
        "user.useconfigonly",
    }
)
_SECTIONS_TAKEN: Final = frozenset({"diff", "filter", "gpg", "lfs"})
_OF_PARTIAL_CLONES: Final = frozenset({"partialclonefilter", "promisor"})
_OF_REMOTES: Final = _OF_PARTIAL_CLONES | {"fetch", "prune", "push", "pushurl", "tagopt", "url"}
_OF_SUBMODULES: Final = frozenset({"active", "branch", "url"})
_OWN_SCOPES: Final = frozenset({"local", "worktree"})
_IDENT: Final = pattern(r"(?P<name>.*) <(?P<email>[^<>]*)> \d+ [+-]\d+")
_TRUE: Final = frozenset({"true", "yes", "on", "1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One configuration setting, its key as git prints it; `value` is None where it has none."""

    key: str
    value: str | None

    @property
    def parts(self) -> tuple[str, str, str]:
        """Section, subsection ("" where there is none) and name."""
        section, _, rest = self.key.partition(".")
        subsection, _, name = rest.rpartition(".")
        return section, subsection, name


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectSettings:
    """The configuration in force in the project: its own, and that of every scope."""

    own: Sequence[Setting]
    every: Sequence[Setting]

    @classmethod
    def read(cls, git: Git) -> ProjectSettings:
        """Read the configuration in force in the project.

        Raises:
            GitFailed: git cannot read its configuration.
        """
        fields = git.run("config", "--list", "--show-scope", "-z", "--includes").fields
        scoped = [
            (scope, _setting(text)) for scope, text in zip(fields[::2], fields[1::2], strict=True)
        ]
        return cls(
            own=[setting for scope, setting in scoped if scope in _OWN_SCOPES],
            every=[setting for scope, setting in scoped if scope != "command"],
        )

    def last(self, key: str) -> str | None:
        """Return the effective value in the project's own configuration."""
        return next((it.value for it in reversed(self.own) if it.key == key), None)

    @property
    def promisor(self) -> str | None:
        """The remote that a partial clone fetches missing objects from; None for other clones."""
        named = self.last("extensions.partialclone")
        if named:
            return named
        remotes = (it.parts for it in self.own if it.value is None or it.value.lower() in _TRUE)
        return next(
            (sub for top, sub, name in remotes if (top, name) == ("remote", "promisor")), None
        )

    @property
    def hooks_path(self) -> str | None:
        """`core.hooksPath` of the project itself; None where hooks are in its git folder."""
        return self.last("core.hookspath")

    @property
    def filters(self) -> frozenset[str]:
        """The names of all filters that git could run here."""
        return frozenset(it.parts[1] for it in self.every if it.parts[0] == "filter")


def taken_over(project: ProjectSettings, git: Git, *, is_partial: bool) -> list[Setting]:
    """Return the settings that a workspace takes over from the project.

    `is_partial` where the workspace fetches missing objects from the project's promisor.

    Raises:
        GitFailed: git did not tell the author of commits in time.
    """
    # Users mostly have the git-lfs filter in their global configuration, which a sandbox does not
    # see: without it large files would be committed unfiltered.
    of_lfs = [it for it in project.every if it.parts[:2] == ("filter", "lfs")]
    found = [*(it for it in project.own if _is_taken(it) and it not in of_lfs), *of_lfs]
    hooks_path = project.hooks_path
    if hooks_path and _is_inside(hooks_path):
        found.append(Setting(key="core.hookspath", value=hooks_path))
    if is_partial and project.promisor:
        found.append(_partial(project.promisor))
    remotes = _remotes(project, git)
    kept = (it for it in remotes if is_partial or it.parts[2] not in _OF_PARTIAL_CLONES)
    return [*map(_harmless, found), *_identity(project, git), *kept]


def promisor_of(project: ProjectSettings, git: Git) -> list[Setting]:
    """Return the settings by which another repository fetches what a partial clone lacks."""
    remote = project.promisor or ""
    return [_partial(remote), *(it for it in _remotes(project, git) if it.parts[1] == remote)]


def of_mirror(url: str, *, branch: str, upstream: str, branches: Iterable[str]) -> list[Setting]:
    """Return the settings by which `fetch`, `rebase main` and `log main..` work in a workspace."""
    remote = f"remote.{PROJECT_REMOTE}"
    refs = [f"+refs/heads/{name}:refs/heads/{name}" for name in branches if name != branch]
    return [
        Setting(key=f"{remote}.url", value=url),
        *(Setting(key=f"{remote}.fetch", value=ref) for ref in refs),
        Setting(key=f"branch.{branch}.remote", value=PROJECT_REMOTE),
        Setting(key=f"branch.{branch}.merge", value=f"refs/heads/{upstream}"),
    ]


def push_default(settings: Iterable[Setting]) -> list[Setting]:
    """Return the default remote of `git push`: `origin`, else the only remote; never the mirror."""
    pairs = [it.parts for it in settings]
    names = {sub for section, sub, name in pairs if (section, name) == ("remote", "url")}
    names -= {PROJECT_REMOTE}
    chosen = "origin" if "origin" in names else next(iter(names), "")
    if chosen == "origin" or len(names) == 1:
        return [Setting(key="remote.pushdefault", value=chosen)]
    return []


def submodules(git: Git, commit: str, settings: Sequence[Setting]) -> list[Setting]:
    """Return absolute URLs of submodules that are relative to `origin`: the branch's remote is the mirror.

    Raises:
        GitFailed: out of time.
    """
    known = {it.key: it.value or "" for it in settings}
    origin = known.get("remote.origin.url")
    if origin is None:
        return []
    blob = f"{commit}:.gitmodules"
    output = git.run("config", "-z", "--list", "--blob", blob, check=False)
    fields = map(_setting, output.fields if output.returncode == 0 else [])
    relative = (it for it in fields if it.parts[0] == "submodule" and it.parts[2] == "url")
    return [
        Setting(key=it.key, value=resolved(it.value, base=origin))
        for it in relative
        if it.value and it.value.startswith(("./", "../")) and it.key not in known
    ]


def text_of(settings: Iterable[Setting]) -> bytes:
    """Return the text of a configuration file with these settings, in order."""
    lines: list[str] = []
    last = ("", "")
    for setting in settings:
        section, subsection, name = setting.parts
        if (section, subsection) != last:
            sub = f' "{_quotable(subsection)}"' if subsection else ""
            lines.append(f"[{section}{sub}]")
            last = (section, subsection)
        value = ""
        if setting.value is not None:
            text = _quotable(setting.value)
            text = text.replace("\n", "\\n").replace("\t", "\\t").replace("\b", "\\b")
            value = f' = "{text}"'
        lines.append(f"\t{name}{value}")
    return os.fsencode("".join(f"{line}\n" for line in lines))


def _partial(remote: str) -> Setting:
    return Setting(key="extensions.partialclone", value=remote)


def _quotable(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _setting(text: str) -> Setting:
    key, line, value = text.partition("\n")
    return Setting(key=key, value=value if line else None)


def _is_taken(setting: Setting) -> bool:
    section, subsection, name = setting.parts
    if section == "submodule" and subsection:
        return name in _OF_SUBMODULES
    # The git-lfs storage of the project is not the workspace's.
    return setting.key in _TAKEN or (section in _SECTIONS_TAKEN and setting.key != "lfs.storage")


def _harmless(setting: Setting) -> Setting:
    """Return the setting without user information in a URL of its value or key."""
    section, subsection, name = setting.parts
    if section not in ("lfs", "submodule"):
        return setting
    middle = f".{without_user(subsection)}" if subsection else ""
    value = setting.value and without_user(setting.value)
    return Setting(key=f"{section}{middle}.{name}", value=value)


def _remotes(project: ProjectSettings, git: Git) -> Iterator[Setting]:
    """Yield the settings of the remotes whose URL works from another folder."""
    parts = ((it.parts, it.value) for it in project.own)
    taken: dict[str, list[Setting]] = {}
    for (section, remote, name), value in parts:
        if section != "remote" or remote == PROJECT_REMOTE or name not in _OF_REMOTES:
            continue
        is_url = name in ("url", "pushurl")
        usable = from_elsewhere(value or "", root=git.folder) if is_url else value
        if usable is not None or not is_url:
            setting = Setting(key=f"remote.{remote}.{name}", value=usable)
            taken.setdefault(remote, []).append(setting)
    for remote, settings in taken.items():
        if any(it.key == f"remote.{remote}.url" for it in settings):
            yield from settings


def _identity(project: ProjectSettings, git: Git) -> list[Setting]:
    """Return the name and address that git would give to commits in the project."""
    known = {it.key: it.value for it in project.every if it.value and it.value.strip()}
    name, email = known.get("user.name"), known.get("user.email")
    if name is None or email is None:
        output = git.run("var", "GIT_AUTHOR_IDENT", check=False)
        found = _IDENT.fullmatch(os.fsdecode(output.stdout).strip())
        name = name or (found and found["name"]) or FALLBACK_NAME
        email = email or (found and found["email"]) or FALLBACK_EMAIL
    return [Setting(key="user.name", value=name), Setting(key="user.email", value=email)]


def _is_inside(path: str) -> bool:
    """Return whether a relative hooks path stays below the working tree."""
    normal = os.path.normpath(path)
    return not normal.startswith("/") and not path.startswith("~") and normal.split("/")[0] != ".."
