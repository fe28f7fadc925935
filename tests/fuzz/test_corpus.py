"""The inputs that fuzzing found interesting, replayed without the fuzzer."""

from __future__ import annotations

from pathlib import Path

import pytest

from specify_cli import bootstrap
from tests.fuzz.reading import corpus, kept_name, read
from tests.fuzz.requests_and_answers import check_answer, check_project
from tests.integration.stage import Stage

LARGEST_KIB = 300


def test_the_corpus_is_small_and_has_no_duplicates() -> None:
    assert sum(path.stat().st_size for path in corpus()) < LARGEST_KIB * 1024
    assert [path.name for path in corpus()] == [kept_name(p.read_bytes()) for p in corpus()]


def test_the_corpus_covers_every_outcome_of_reading() -> None:
    codes = {read(path.read_bytes()) for path in corpus()}
    assert {
        None,
        "CONTRACT_VERSION_MISMATCH",
        "POLICY_METADATA_REQUIRED",
        "POLICY_VALIDATION_FAILED",
        "REQUEST_EXPIRED",
        "REQUEST_MALFORMED",
        "USAGE_ERROR",
    } <= codes


@pytest.fixture
def project(tmp_path: Path) -> Stage:
    made = Stage(root=tmp_path / "project")
    made.make_repository()
    made.write_mission({"WP01": {}, "WP02": {"dependencies": ["WP01"]}})
    return made


def test_every_file_of_the_corpus_gets_one_valid_envelope(project: Stage) -> None:
    dispatcher = bootstrap.dispatcher(project.root)
    for path in corpus():
        raw = path.read_bytes().replace(b'"id"', f'"{path.stem}"'.encode())
        answer = dispatcher.answer_bytes(raw, stem=path.stem, identity="default")
        check_answer(project, answer, stem=path.stem)
    check_project(project)
