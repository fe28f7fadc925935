"""Checks that a checkout of the host contains no orchestrator.

Run it from the root of a checkout, with nothing installed:
`python3 -m tests.architecture.orchestrator_boundary`.

It reads text and syntax trees and runs nothing. What it cannot see, by choice: a name put together
at run time from pieces (`"sub" + "process"`), a process started by a C extension, and what a
dependency does inside itself. To leave little room for the first, `eval` and `exec`, imports of
computed names outside the two lazy loaders, and computed attributes of `os` are violations too.
"""

from __future__ import annotations

from tests.architecture.orchestrator_boundary.report import Violation, violations

__all__ = ["Violation", "violations"]
