"""What the names of a module stand for, as far as its text says."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

# Modules worth following through an assignment or a look-up by text.
MODULES = frozenset({"asyncio", "builtins", "click", "importlib", "os", "subprocess", "sys"})


@dataclass(frozen=True, slots=True)
class Bindings:
    """Names bound by imports and by plain assignment, anywhere in the module."""

    meaning: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, tree: ast.Module) -> Bindings:
        """The bindings of a whole module; scopes are not distinguished, and the suspicious binding wins."""
        bindings = cls()
        for node in ast.walk(tree):
            bindings._import(node)
        for node in ast.walk(tree):
            bindings._assign(node)
        return bindings

    def dotted(self, expression: ast.expr) -> str:
        """The full dotted name that an expression stands for; empty where it is something else."""
        match expression:
            case ast.Name(id=name):
                return self.meaning.get(name, name)
            case ast.Attribute(value=value, attr=attr):
                base = self.dotted(value)
                return f"{base}.{attr}" if base else f"?.{attr}"
        return ""

    def _import(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=names):
                for alias in names:
                    top = alias.name.partition(".")[0]
                    self.meaning[alias.asname or top] = alias.name if alias.asname else top
            case ast.ImportFrom(module=module, names=names):
                for alias in names:
                    self.meaning[alias.asname or alias.name] = f"{module}.{alias.name}"

    def _assign(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Name() | ast.Attribute() as value
            ):
                meant = self.dotted(value)
                if name not in self.meaning and meant.partition(".")[0] in MODULES:
                    self.meaning[name] = meant
