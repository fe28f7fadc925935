"""Projects with every kind of repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from specify_cli.vcs.workspaces import Objects
from tests.large_files import use_git_lfs
from tests.unit.vcs.conftest import Project


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A project, the files that an agent adds in a workspace, and how workspaces can get objects."""

    project: Project
    work: dict[str, str] = field(default_factory=lambda: {"new.txt": "new\n"})
    objects: tuple[Objects, ...] = tuple(Objects)


def plain(root: Path, *flags: str) -> Project:
    subprocess.run(["git", "init", "-q", "-b", "main", *flags, str(root)], check=True)
    project = Project(root=root)
    project.commit({"a.txt": "first\n", "in/b.txt": "b\n", "out/c.txt": "c\n"})
    project.commit({"a.txt": "second\n"})
    return project


def clone(root: Path, *flags: str) -> Project:
    origin = plain(root / "origin")
    for key in ("allowFilter", "allowAnySHA1InWant"):
        origin.git("config", f"uploadpack.{key}", "true")
    project = Project(root=root / "project")
    origin.git("clone", "-q", *flags, f"file://{origin.root}", str(project.root))
    return project


def sha256(root: Path) -> Kind:
    return Kind(project=plain(root / "project", "--object-format=sha256"))


def shallow(root: Path) -> Kind:
    return Kind(project=clone(root, "--depth=1"))


def partial(root: Path) -> Kind:
    return Kind(project=clone(root, "--filter=blob:none"), objects=(Objects.SHARED,))


def sparse(root: Path) -> Kind:
    project = plain(root / "project")
    project.git("sparse-checkout", "set", "--cone", "in")
    return Kind(project=project, work={"in/new.txt": "new\n"})


def worktree_config(root: Path) -> Kind:
    project = plain(root / "project")
    project.git("config", "extensions.worktreeConfig", "true")
    project.git("config", "--worktree", "core.eol", "crlf")
    project.commit({".gitattributes": "*.txt text\n"})
    return Kind(project=project, work={"new.txt": "new\r\n"})


def submodules(root: Path) -> Kind:
    library = plain(root / "library")
    project = plain(root / "project")
    upstream = root / "upstream.git"
    project.git("clone", "-q", "--bare", str(project.root), str(upstream))
    project.git("remote", "add", "origin", str(upstream))
    project.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", "../library", "lib")
    project.git("commit", "-q", "-m", "library")
    assert library.root.is_dir()
    return Kind(project=project)


def lfs(root: Path) -> Kind:
    project = plain(root / "project")
    use_git_lfs(project.root)
    project.git("add", ".gitattributes")
    project.commit({"large.bin": "large\n" * 1000})
    return Kind(project=project, work={"new.bin": "new\n" * 1000, "large.bin": "changed\n" * 1000})


def line_endings(root: Path) -> Kind:
    project = plain(root / "project")
    project.git("config", "core.autocrlf", "true")
    project.git("rm", "-q", "--cached", "-r", ".")
    project.git("reset", "-q", "--hard")
    return Kind(project=project, work={"new.txt": "new\r\n"})


def filters(root: Path) -> Kind:
    project = plain(root / "project")
    project.git("config", "filter.up.smudge", "tr a-z A-Z")
    project.git("config", "filter.up.clean", "tr A-Z a-z")
    project.commit({".gitattributes": "*.up filter=up\n", "x.up": "TEXT\n"})
    return Kind(project=project, work={"new.up": "NEW\n"})


def relative_hooks(root: Path) -> Kind:
    project = plain(root / "project")
    project.git("config", "core.hooksPath", ".githooks")
    hook = project.write(".githooks/pre-commit", "#!/bin/sh\necho ran >>hook.log\n")
    hook.chmod(0o755)
    project.commit({".githooks/pre-commit": hook.read_text(), ".gitignore": "hook.log\n"})
    (project.root / "hook.log").unlink(missing_ok=True)
    return Kind(project=project)


def gpg_signing(root: Path) -> Kind:
    home = root / "gpg"
    home.mkdir(mode=0o700)
    os.environ["GNUPGHOME"] = str(home)
    words = ("--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "ada@example.org")
    subprocess.run(["gpg", *words, "ed25519", "sign"], check=True, capture_output=True)
    project = plain(root / "project")
    project.git("config", "commit.gpgSign", "true")
    project.git("config", "user.signingKey", "ada@example.org")
    return Kind(project=project)


def ssh_signing(root: Path) -> Kind:
    key = root / "key"
    words = ("-q", "-t", "ed25519", "-N", "", "-f", str(key))
    subprocess.run(["ssh-keygen", *words], check=True)
    project = plain(root / "project")
    (root / "signers").write_text(f"ada@example.org {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("commit.gpgSign", "true"),
        ("gpg.format", "ssh"),
        ("gpg.ssh.allowedSignersFile", str(root / "signers")),
        ("user.signingKey", str(key)),
    ):
        project.git("config", name, value)
    return Kind(project=project)


def separate_git_dir(root: Path) -> Kind:
    return Kind(project=plain(root / "project", f"--separate-git-dir={root / 'elsewhere.git'}"))


KINDS: dict[str, Callable[[Path], Kind]] = {
    it.__name__: it
    for it in (
        sha256,
        shallow,
        sparse,
        partial,
        submodules,
        lfs,
        worktree_config,
        relative_hooks,
        gpg_signing,
        ssh_signing,
        line_endings,
        filters,
        separate_git_dir,
    )
}

NEEDS = {"lfs": "git-lfs", "gpg_signing": "gpg", "ssh_signing": "ssh-keygen"}
"""The program that a kind needs."""


def is_possible(kind: str) -> bool:
    return kind not in NEEDS or shutil.which(NEEDS[kind]) is not None
