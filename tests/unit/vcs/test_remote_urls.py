"""Tests of rewriting the URLs of remotes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from specify_cli.vcs.remote_urls import from_elsewhere, resolved

ROOT = Path("/home/me/project")


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://me:secret@example.org/x.git", "https://example.org/x.git"),
        ("https://secret@example.org/x.git", "https://example.org/x.git"),
        ("https://a@b:secret@example.org/x.git", "https://example.org/x.git"),
        ("https://@example.org/x.git", "https://example.org/x.git"),
        ("HTTPS://me:secret@example.org", "HTTPS://example.org"),
        ("https://example.org/x@y:z.git", "https://example.org/x@y:z.git"),
        ("https://example.org?x@y", "https://example.org?x@y"),
        ("ssh://git@example.org:22/x.git", "ssh://git@example.org:22/x.git"),
        ("ssh://git:secret@example.org/x.git", "ssh://git@example.org/x.git"),
        ("git+ssh://git:secret@example.org/x", "git+ssh://git@example.org/x"),
        ("ftp://me:secret@example.org/x", "ftp://example.org/x"),
        ("git@example.org:me/x.git", "git@example.org:me/x.git"),
        ("example.org:x", "example.org:x"),
        ("/srv/x.git", "/srv/x.git"),
        ("file:///srv/x.git", "file:///srv/x.git"),
        ("../x.git", "/home/me/x.git"),
        ("./x", "/home/me/project/x"),
        ("x", "/home/me/project/x"),
        ("dir/a:b", "/home/me/project/dir/a:b"),
        ("ext::sh -c 'cat secret'", None),
        ("transport::me:secret@example.org", None),
    ],
)
def test_from_elsewhere_makes_urls_absolute_and_drops_credentials(
    url: str, taken: str | None
) -> None:
    assert from_elsewhere(url, root=ROOT) == taken


@pytest.mark.parametrize("relative", ["../lib", "./lib", "../../lib.git", "../a/../lib", "../lib/"])
@pytest.mark.parametrize(
    "base",
    [
        "https://example.org/me/x.git",
        "https://example.org/me/x.git/",
        "git@example.org:me/x.git",
        "/srv/git/me/x.git",
        "ssh://git@example.org:22/me/x",
    ],
)
def test_a_relative_url_is_resolved_as_git_resolves_it(
    relative: str, base: str, tmp_path: Path
) -> None:
    assert resolved(relative, base=base) == _asked(tmp_path, relative, base)


def test_an_absolute_url_is_kept(tmp_path: Path) -> None:
    assert resolved("https://example.org/lib", base="/srv/x") == "https://example.org/lib"


def _asked(folder: Path, relative: str, base: str) -> str:
    def git(*args: str) -> str:
        done = subprocess.run(["git", *args], cwd=folder, check=True, capture_output=True)
        return done.stdout.decode().strip()

    git("init", "-q")
    git("remote", "add", "origin", base)
    git("config", "-f", ".gitmodules", "submodule.lib.path", "lib")
    git("config", "-f", ".gitmodules", "submodule.lib.url", relative)
    empty = git("hash-object", "-w", "-t", "tree", "/dev/null")
    commit = git("commit-tree", empty, "-m", "x")
    git("update-index", "--add", "--cacheinfo", f"160000,{commit},lib")
    git("submodule", "--quiet", "init")
    return git("config", "submodule.lib.url")
