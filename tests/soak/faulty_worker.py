"""`faulty_worker.py CONTROL`: the worker with the preloaded shim of the faults."""

from __future__ import annotations

import ctypes
import os
import sys

from specify_cli.cli import main
from tests.faults.shim import CONTROL_VARIABLE

if __name__ == "__main__":
    # So that the git processes that it starts get the same faults.
    os.environ[CONTROL_VARIABLE] = sys.argv[1]
    ctypes.CDLL(None).faults_attach(os.fsencode(sys.argv[1]), 1)
    sys.argv = ["spec-kitty", "mailbox", "serve"]
    main.main()
