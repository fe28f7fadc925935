"""Rewrite URLs of remotes for use in a workspace."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from specify_cli.patterns import pattern

_SCHEME: Final = pattern(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)")
_HELPER: Final = pattern(r"[A-Za-z0-9+.-]+::")
_SSH: Final = frozenset({"ssh", "git+ssh", "ssh+git"})


def without_user(url: str) -> str:
    """Remove user and password from the URL; for SSH only the password.

    The user name of an SSH URL (`git@`) is needed to reach the server.
    """
    found = _SCHEME.match(url)
    if found is None or "@" not in found["authority"]:
        return url
    user, _, host = found["authority"].rpartition("@")
    kept = user.partition(":")[0] + "@" if found["scheme"].lower() in _SSH else ""
    return f"{found['scheme']}://{kept}{host}{url[found.end() :]}"


def from_elsewhere(url: str, *, root: Path) -> str | None:
    """Return the URL as usable from another folder than `root`; None for one that runs a program."""
    if _HELPER.match(url):
        return None
    return os.path.normpath(root / url) if _is_relative_path(url) else without_user(url)


def resolved(url: str, *, base: str) -> str:
    """Resolve the relative URL of a submodule against the URL of a remote.

    Source: git-submodule(1), and git's `relative_url`.
    """
    if not url.startswith(("./", "../")):
        return url
    base = base.rstrip("/")
    while url.startswith(("./", "../")):
        is_up = url.startswith("../")
        url = url.partition("/")[2]
        if is_up:
            cut = max(base.rfind("/"), base.rfind(":") if "/" not in base else -1)
            base = base[:cut] if base[cut : cut + 1] == "/" else base[: cut + 1]
    joint = "" if base.endswith(":") else "/"
    return f"{base}{joint}{url}".rstrip("/")


def _is_relative_path(url: str) -> bool:
    """Return whether git takes the URL for a relative path. Source: git-clone(1), "GIT URLS"."""
    if _SCHEME.match(url) or url.startswith("/"):
        return False
    colon = url.find(":")
    return colon < 0 or "/" in url[:colon]
