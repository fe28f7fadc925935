"""The files that people fill in, as they find them at first."""

from __future__ import annotations

SPEC = """\
# {title}

## What is to be built

In two or three sentences: for whom, and what they can do with it that they cannot do today.

## How it shows that it works

- Given ..., when ..., then ...

## What is left out

- ...
"""

PLAN = """\
# Plan: {title}

## How it is built

The parts, where they go, and what they are built with.

## In what order

What has to be there first, and what can be worked on side by side.

## What could go wrong

- ...
"""

TASKS = """\
# Work packages: {title}

Write one section for each work package, like this one without the indentation:

    ## WP01 Parse the query

    Dependencies: none
    Owned files: src/query/**, tests/query/**

    What is to be done, and how it shows that it is done.

    - [ ] T001 Write the parser
    - [ ] T002 Cover its complaints with tests

Dependencies are ids, joined by commas or in a list below the key. A remark may follow in
parentheses. A line that looks like a key and cannot be understood is refused with its number.
Packages that own the same files share a workspace.
"""
"""Indented, so that neither the host nor a Markdown reader takes the example for a package."""
