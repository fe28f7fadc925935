"""An import-linter contract: one module imports nothing but the standard library."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """Keeps `module` free of third parties and of the rest of its own project."""

    type_name = "standard_library_only"

    module = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """A broken check where the module imports something that Python does not bring."""
        imported = graph.find_modules_directly_imported_by(str(self.module))
        foreign = sorted(
            name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names
        )
        return ContractCheck(kept=not foreign, metadata={"foreign": foreign})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """The foreign modules are printed, one a line."""
        for name in check.metadata["foreign"]:
            output.print_error(f"{self.module} imports {name}")
