"""Templates of the files that authors fill in."""

from __future__ import annotations

SPEC = """\
# {title}

## What is to be built

In two or three sentences: for whom, and what they can do with it that they cannot do today.

## Acceptance criteria

- Given ..., when ..., then ...

## Out of scope

- ...
"""

PLAN = """\
# Plan: {title}

## Design

The parts, where they go, and what they are built with.

## Order of work

What must exist first, and what can be built in parallel.

## Risks

- ...
"""

TASKS = """\
# Work packages: {title}

Write one section for each work package, like this one without the indentation:

    ## WP01 Parse the query

    Dependencies: none
    Owned files: src/query/**, tests/query/**

    Describe the work, and how to verify that it is done.

    - [ ] T001 Write the parser
    - [ ] T002 Cover its error messages with tests

Dependencies are ids, separated by commas or in a list below the key. A remark may follow in
parentheses. A line that resembles a key but is not understood is refused with its number.
Packages that own the same files share a workspace.
"""
"""The example is indented, so that neither the host nor a Markdown reader takes it for a package."""
