"""What the doctor says, as data: shared by the commands that look and that repair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from specify_cli.orchestrator_api.command import Result

if TYPE_CHECKING:
    from specify_cli.workflow.doctor import Diagnosis
    from specify_cli.workflow.doctor_findings import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosisResult(Result):
    """Data of diagnose and repair; notes are no problems."""

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
