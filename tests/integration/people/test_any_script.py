"""Titles in any script, and streams that cannot show them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import sampled
from tests.patience import LONGEST_S
from tests.unit.cli.test_people_tasks import git, say


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("\u5168\u6587\u691c\u7d22", "001-\u5168\u6587\u691c\u7d22"),
        ("\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440", "001-\u043f\u0440\u0438\u0432\u0435\u0442-\u043c\u0438\u0440"),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", "001-\u0939\u093f\u0928\u094d\u0926\u0940"),
        ("Gr\u00f6\u00dfe \u4e00", "001-groe"),
        ("\u6587" * 200, "001-" + "\u6587" * 40),
    ],
)  # fmt: skip
def test_title_in_any_script_becomes_a_slug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, title: str, slug: str
) -> None:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    git(tmp_path, "init", "-q", "-b", "main")
    assert say(tmp_path, "specify", title)["data"]["mission_slug"] == slug
    assert say(tmp_path, "plan")["success"]
    assert say(tmp_path, "tasks", "add", slug, title)["data"]["wp_id"] == "WP01"
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "first")
    assert say(tmp_path, "implement", "WP01")["success"]


def test_title_without_letters_is_refused_and_the_advice_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    git(tmp_path, "init", "-q", "-b", "main")
    refused = say(tmp_path, "specify", "\u2764\ufe0f!")
    assert refused["error_code"] == "USAGE_ERROR"
    assert "--slug full-text-search" in refused["data"]["message"]
    made = say(tmp_path, "specify", "\u2764\ufe0f!", "--slug", "full-text-search")
    assert made["data"]["mission_slug"] == "001-full-text-search"
    wrong = say(tmp_path, "specify", "x", "--slug", "../Full Text")
    assert wrong["error_code"] == "USAGE_ERROR"
    assert "--slug full-text" in wrong["data"]["message"]


@pytest.mark.parametrize(
    "environment",
    sampled(
        [{"PYTHONIOENCODING": "cp1252"}, {"LC_ALL": "C"}, {"PYTHONIOENCODING": "ascii"}], every=3
    ),
    ids=["cp1252", "C", "ascii"],
)
def test_characters_that_the_stream_cannot_encode_are_escaped(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    assert say(tmp_path, "specify", "\u5168\u6587\u691c\u7d22")["success"]
    slug = "001-\u5168\u6587\u691c\u7d22"
    (tmp_path / "kitty-specs" / slug / "tasks").mkdir()
    (tmp_path / "kitty-specs" / slug / "tasks" / "WP01.md").write_text(
        "---\ntitle: \u5168\u6587\ndependencies: [\u691c]\n---\n\u5168\n", encoding="utf-8"
    )
    variables = {**os.environ, **environment}
    variables.pop("SPECIFY_REPO_ROOT", None)
    for words in (["status"], ["mission", "list"], ["doctor"], ["tasks", "list"], ["implement"]):
        ended = subprocess.run(
            [sys.executable, "-m", "specify_cli", *words],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            check=False,
            timeout=LONGEST_S,
        )
        assert b"Traceback" not in ended.stderr, ended.stderr
        assert ended.stdout or ended.stderr
