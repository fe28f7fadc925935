"""Tables of `tasks.md` with a package in each row and statements in columns."""

from __future__ import annotations

from collections.abc import Iterator

from specify_cli.core.package_references import MENTION, plain_text
from specify_cli.workflow.authoring_fields import Field, Kind, cells, kind_of, says_nothing
from specify_cli.workflow.authoring_lines import Line

LONGEST_KEY = 40


class Table:
    """The columns of a table that state dependencies or files of the packages in its rows."""

    def __init__(self, header: Line, shown: str, *, is_in_package: bool) -> None:
        kinds = {
            at: kind
            for at, cell in enumerate(cells(shown))
            if len(cell) < LONGEST_KEY and (kind := kind_of(cell, header))
        }
        # Within a package, a key in the first column has its value in the second.
        is_of_pairs = is_in_package and (0 in kinds or set(kinds.values()) == {Kind.PERHAPS_NEEDS})
        self.columns = {} if is_of_pairs else kinds

    def fields(self, line: Line, shown: str) -> Iterator[Field]:
        """Yield the statements of a row about its package.

        Raises:
            UsageError: the row has a statement but no package.
        """
        row = cells(shown)
        names = [it for at, it in enumerate(row) if at not in self.columns]
        package = next((x for x in map(plain_text, names) if MENTION.match(x)), None)
        for at, kind in self.columns.items():
            value = row[at] if at < len(row) else ""
            is_empty = not value or set(value) <= set(":- ")
            if is_empty or (kind is Kind.PERHAPS_NEEDS and not MENTION.search(value)):
                continue
            if package:
                named = MENTION.match(package)
                yield Field(kind=kind, value=value, subject=named[0] if named else None)
            elif MENTION.search(value) or (kind is Kind.OWNS and not says_nothing(value)):
                others = [cell for index, cell in enumerate(row) if index]
                raise line.misread(
                    "does not begin with the package that it is about",
                    instead=f"| WP01 | {' | '.join(others)} |",
                )
