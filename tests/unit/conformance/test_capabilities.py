"""Checks are run only for declared capabilities."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from specify_cli.conformance import capabilities, verifier
from specify_cli.conformance.cases import all_cases
from specify_cli.conformance.scratch_projects import ScratchProjects
from specify_cli.errors import UsageError


def test_default_capabilities_can_be_added_to_and_removed():
    assert capabilities.declared([]) >= {"journal", "heartbeat", "file-kinds"}
    declared = capabilities.declared(["no-journal", "host-private-layout"])
    assert "journal" not in declared
    assert "host-private-layout" in declared


@pytest.mark.parametrize("name", ["flying", "no-flying", ""])
def test_unknown_capability_is_refused(name: str):
    with pytest.raises(UsageError):
        capabilities.declared([name])


def test_no_check_is_run_against_a_host_without_an_interface(tmp_path: Path):
    host = verifier.Host(
        capabilities=capabilities.declared([]), folder=tmp_path, scratch=ScratchProjects(tmp_path)
    )
    results = verifier.verify(host, [], jobs=1, progress=lambda _: None)
    assert {result.status for result in results} == {"not asked"}


def test_every_check_has_a_unique_name_a_meaning_and_a_section():
    checks = verifier.checks()
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert all(check.meaning and check.section for check in checks)


def test_every_case_is_a_check_at_each_of_its_interfaces():
    names = {check.name for check in verifier.checks()}
    wanted = {
        f"fixtures.{interface}.{case.name}" for case in all_cases() for interface in case.interfaces
    }
    assert wanted <= names


def test_every_required_capability_can_be_declared_or_detected():
    known = {*capabilities.DECLARED, *capabilities.DETECTED}
    needed = itertools.chain.from_iterable(check.requires for check in verifier.checks())
    assert set(needed) <= known
