"""The result of diagnose and repair."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specify_cli.errors import StateUnreadable
from specify_cli.orchestrator_api.command import Result
from specify_cli.storage.layout import Layout

if TYPE_CHECKING:
    from specify_cli.workflow.doctor import Diagnosis, Doctor
    from specify_cli.workflow.doctor_findings import Finding
    from specify_cli.workflow.services import Services

NO_WORKER = "no worker starts or reads it again until it is corrected: check it with 'spec-kitty mailbox access'"


class DiagnosisResult(Result):
    """Data of diagnose and repair; notes are not problems."""

    problems: int
    findings: list[dict[str, Any]]
    repaired: list[dict[str, Any]]

    @classmethod
    def of(cls, diagnosis: Diagnosis, root: Path) -> DiagnosisResult:
        """The wire form of the diagnosis, files named from `root`."""
        return cls(
            problems=diagnosis.problems,
            findings=[_finding(finding, root) for finding in diagnosis.findings],
            repaired=[_finding(finding, root) for finding in diagnosis.repaired],
        )


def doctor_of(services: Services) -> Doctor:
    """The doctor of the project, who looks at what the operator grants as well."""
    return replace(services.doctor, examine_more=_examine_config)


def _examine_config(root: Path) -> Iterator[Finding]:
    path = Layout(root).config
    if not os.path.lexists(path):
        return
    # Reading the file loads pydantic, and most projects have none.
    from specify_cli.orchestrator_api import config_file
    from specify_cli.workflow import doctor_findings

    try:
        config_file.read(root)
    except StateUnreadable as fault:
        yield doctor_findings.error(
            "config", path, fault.message.removeprefix(f"{path}: "), repair=NO_WORKER
        )


def _finding(finding: Finding, root: Path) -> dict[str, Any]:
    file = finding.file
    return {
        "check": finding.check,
        "severity": finding.severity.value,
        "file": str(file.relative_to(root)) if file.is_relative_to(root) else str(file),
        "line": finding.line,
        "what": finding.what,
        "repair": finding.repair,
        "is_fixable": finding.is_fixable,
    }
