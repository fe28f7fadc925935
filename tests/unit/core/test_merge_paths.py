"""Which paths a merge of agents' work may change."""

from __future__ import annotations

import time

import pytest

from specify_cli.core import globs
from specify_cli.core.merge_paths import (
    MOST_SHOWN,
    Changed,
    is_left_out,
    name_fault,
    path_fault,
    shown,
    spellings,
)

SLUG = "001-search"
FILE, LINK, SUBMODULE = "100644", "120000", "160000"


def fault(path: str, mode: str | None = FILE) -> str | None:
    return path_fault(Changed(path=path, mode=mode), slug=SLUG)


@pytest.mark.parametrize(
    "path",
    [
        ".kitty",
        ".kitty/config.toml",
        ".kitty/inbox/good/forged.json",
        ".KITTY/config.toml",
        ".kitty /config.toml",
        ".kitty./config.toml",
        ".kitty::$INDEX_ALLOCATION/config.toml",
        ".ki\u200ctty/config.toml",
        "KITTY~1/config.toml",
        ".\u212aitty/config.toml",
        ".worktrees",
        ".Worktrees/x",
        "WORKTR~1/x",
        "kitty-specs",
        "Kitty-Specs/001-search/spec.md",
        "KITTY-~1/001-search/spec.md",
        "kitty-\u017fpecs/001-search/spec.md",
        "kitty-specs/README.md",
        "kitty-specs/002-other/spec.md",
        "kitty-specs/001-Search/spec.md",
        "kitty-specs/001-search",
        "kitty-specs/001-search/meta.json",
        "kitty-specs/001-search/META.json",
        "kitty-specs/001-search/lanes.json",
        "kitty-specs/001-search/lanes.json /x",
        "kitty-specs/001-search/status.events.jsonl",
        "kitty-specs/001-search/status.json",
        "kitty-specs/001-search/Status.d/x",
        "kitty-specs/001-search/tasks",
    ],
)
def test_paths_of_the_host_or_another_mission_are_refused(path: str) -> None:
    assert fault(path)


@pytest.mark.parametrize(
    "path",
    [
        "src/app.py",
        ".github/workflows/ci.yml",
        ".gitignore",
        ".gitattributes",
        ".gitmodules",
        ".gitlab-ci.yml",
        ".kittyfile",
        "kitty-specs-old/x",
        "src/kitty-specs/002-other/meta.json",
        "kitty-specs/001-search/spec.md",
        "kitty-specs/001-search/plan.md",
        "kitty-specs/001-search/research/meta.json",
        "kitty-specs/001-search/tasks/notes.txt",
        "kitty-specs/001-search/tasks/WP01.md",
    ],
)
def test_other_paths_may_change(path: str) -> None:
    assert fault(path) is None


def test_removing_a_path_of_the_host_or_another_mission_is_refused() -> None:
    assert fault(".kitty/config.toml", None)
    assert fault("kitty-specs/002-other/meta.json", None)
    assert fault("kitty-specs/001-search/status.events.jsonl", None)


@pytest.mark.parametrize("mode", [LINK, SUBMODULE])
def test_links_and_submodules_are_refused_only_in_the_mission_folder(mode: str) -> None:
    assert fault("kitty-specs/001-search/notes", mode)
    assert fault("kitty-specs/001-search/tasks/WP01.md", mode)
    assert fault("vendor/library", mode) is None


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        ".git",
        ".GIT",
        ".git ",
        ".git...",
        ".git . ",
        ".git::$INDEX_ALLOCATION",
        ".git:x",
        "git~1",
        "GIT~1",
        "git~1 .",
        ".g\u200cit",
        "\ufeff.git",
        ".gi\u206ft ",
    ],
)
def test_names_that_alias_dot_git_or_leave_the_folder_are_refused(
    name: str,
) -> None:
    assert name_fault(name, FILE)


@pytest.mark.parametrize(
    "name",
    [
        ".gitignore",
        ".github",
        "git",
        "git~",
        ".git-old",
        ".gitx",
        "...",
        "a b",
        "\u00fc",
        ".gitmodules",
    ],
)
def test_names_that_only_resemble_dot_git_are_allowed(name: str) -> None:
    assert name_fault(name, FILE) is None


def test_a_name_of_a_million_characters_is_checked_in_bounded_time() -> None:
    started = time.process_time()
    assert name_fault("." * 1_000_000 + "x", FILE)
    assert name_fault("." * 254 + "x", FILE) is None
    assert name_fault(".git" + " ." * 500_000, FILE)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("mode", ["104755", "100664", "040000", "0", "", "100777", "40000x"])
def test_modes_that_git_never_writes_are_refused(mode: str) -> None:
    assert name_fault("a", mode)


def test_a_symlink_named_gitmodules_is_refused() -> None:
    assert name_fault(".gitmodules", LINK)
    assert name_fault("GITMOD~1", LINK)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("kitty-specs/001-search/tasks.md", True),
        ("kitty-specs/001-search/Tasks.md", True),
        ("kitty-specs/001-search/tasks/WP01-step.md", True),
        ("kitty-specs/001-search/tasks/WP01-step.MD", True),
        ("kitty-specs/001-search/tasks/README.md", True),
        ("kitty-specs/001-search/tasks.md/x", True),
        ("kitty-specs/001-search/tasks/WP01.md/x", True),
        ("kitty-specs/001-search/tasks/notes.txt", False),
        ("kitty-specs/001-search/tasks/done/WP01.md", False),
        ("kitty-specs/001-search/tasks", False),
        ("kitty-specs/001-search/spec.md", False),
        ("kitty-specs/002-other/tasks.md", False),
        ("tasks.md", False),
    ],
)
def test_the_outline_and_prompts_of_the_mission_are_left_out(path: str, *, expected: bool) -> None:
    assert is_left_out(path, slug=SLUG) is expected


def test_spellings_groups_names_that_a_file_system_cannot_tell_apart() -> None:
    paths = ["src/a.py", "SRC/b.py", "docs/Readme.md", "docs/README.md", "other"]
    paths += ["caf\u00e9", "cafe\u0301"]
    double = {name: found for name, found in spellings(paths).items() if len(found) > 1}
    assert double == {
        "src": {"src", "SRC"},
        "docs/readme.md": {"docs/Readme.md", "docs/README.md"},
        "cafe\u0301": {"caf\u00e9", "cafe\u0301"},
    }
    assert spellings(paths, {"other"}) == {"other": {"other"}}


def test_shown_paths_are_escaped_and_truncated() -> None:
    assert shown("a\nb\x1b\udc80") == "a\\nb\\x1b\\udc80"
    long = "x" * 4000 + "/end"
    assert len(shown(long)) == MOST_SHOWN
    assert shown(long).endswith("/end")


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a/**", "a/b/c", True),
        ("a/**", "ab/c", False),
        ("a", "a/b", True),
        ("a/*.py", "a/x.py", True),
        ("a/*.py", "a/b/x.py", False),
        ("a/b/c", "a", False),
        ("a/**", "**", False),
        ("a/**", "*/evil", False),
        ("a/**", "?/evil", False),
        ("a?b", "a*b", True),
        ("**/x", "deep/down/x", True),
    ],
)
def test_owns_treats_wildcards_in_the_path_as_literal_characters(
    pattern: str, path: str, *, expected: bool
) -> None:
    assert globs.owns(pattern, path) is expected


@pytest.mark.parametrize("path", ["docs/.kitty/readme.md", "a/b/.Worktrees", "a/.kitty/b/c"])
def test_paths_of_the_host_are_refused_at_any_depth(path: str) -> None:
    assert "belongs to the host" in (fault(path) or "")
