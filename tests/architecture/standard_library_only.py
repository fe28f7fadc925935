"""An import-linter contract: one package imports nothing but itself and the standard library."""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """Keeps `package` free of third parties and of the rest of its own project."""

    type_name = "standard_library_only"

    package = fields.StringField()

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """A broken check if the module imports something outside the standard library."""
        package = str(self.package)
        known = {package, *sys.stdlib_module_names}
        foreign = sorted(
            f"{module} imports {name}"
            for module in (package, *graph.find_descendants(package))
            for name in graph.find_modules_directly_imported_by(module)
            if name.partition(".")[0] not in known
        )
        return ContractCheck(kept=not foreign, metadata={"foreign": foreign})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print the foreign modules, one a line."""
        for name in check.metadata["foreign"]:
            output.print_error(name)
