"""What the tests of the contract share."""

from __future__ import annotations

import pytest

from specify_cli.conformance.scratch_projects import ScratchProjects
from tests.contract.agreement import facts
from tests.contract.agreement.facts import CodeFacts
from tests.contract.recorded import written_by_a_host


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> ScratchProjects:
    """The fixture projects, each created once in this process."""
    return ScratchProjects(tmp_path_factory.mktemp("projects"))


@pytest.fixture(scope="session")
def code(scratch: ScratchProjects, tmp_path_factory: pytest.TempPathFactory) -> CodeFacts:
    """Facts about the code, and the files that a host has written."""
    return facts.of_the_code(written_by_a_host(scratch, tmp_path_factory.mktemp("written")))


@pytest.fixture(autouse=True)
def no_project_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find the project from the folder, unless a test names it."""
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
