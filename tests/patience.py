"""How long a test waits at most for what has to come: the one place that says so.

A deadline is there to end what hangs, never to judge how fast a machine is, so it is far beyond what
a busy machine takes. pytest's own `timeout` in pyproject.toml is twice as long: a wait that ends here
says what it waited for.
"""

from __future__ import annotations

LONGEST_S = 600.0
