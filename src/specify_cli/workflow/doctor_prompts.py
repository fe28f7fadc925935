"""Faults in the prompts of a mission, each with its file and line."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from specify_cli import progress
from specify_cli.core.globs import PatternTooComplex, require_simple
from specify_cli.core.package_references import number_of
from specify_cli.errors import StateUnreadable
from specify_cli.storage import front_matter, package_files, project_files
from specify_cli.storage.package_files import FILE_NAME
from specify_cli.workflow.doctor_findings import Finding, error, warning

BY_HAND = "correct it by hand"
PUT_ITSELF = "put the file or folder itself in its place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One prompt; a part that cannot be read is empty."""

    path: Path
    text: str
    header: dict[str, Any]
    wp_id: str | None
    dependencies: tuple[str, ...] = ()
    owned_files: tuple[str, ...] = ()

    def line_of(self, field: str) -> int:
        """The line on which the front matter's field begins; 1 without one."""
        return front_matter.line_of(self.text, field) or 1


def examine_prompts(mission_folder: Path) -> tuple[list[Prompt], list[Finding]]:
    """Read the mission's prompts as far as possible, and report every fault in them."""
    folder = mission_folder / "tasks"
    try:
        project_files.names_in(folder, below=mission_folder)
    except StateUnreadable as fault:
        return [], [_unreadable(folder, fault)]
    prompts: list[Prompt] = []
    found: list[Finding] = []
    for path in progress.counted(_markdown_in(folder), "examining prompts"):
        if FILE_NAME.fullmatch(path.name):
            _examine(path, prompts, found)
        else:
            found.extend(_ignored_prompt(path))
    if not prompts and not found:
        add = f'spec-kitty tasks add {shlex.quote(mission_folder.name)} "What is to be done"'
        repair = f"write work packages with '{add}'"
        found.append(warning("no-tasks", folder, "the mission has no tasks", repair=repair))
    found.extend(_duplicates(prompts))
    known = [prompt.wp_id for prompt in prompts if prompt.wp_id]
    return [
        replace(prompt, dependencies=package_files.dependencies(prompt.dependencies, known))
        for prompt in prompts
    ], found


def _ignored_prompt(path: Path) -> Iterator[Finding]:
    """Report a file with the front matter of a prompt, but not with the name of one."""
    try:
        wp_id = front_matter.parse(_text_or_nothing(path), path).get("work_package_id")
    except StateUnreadable:
        return
    if wp_id is not None:
        what = "the file has a work_package_id, but its name does not begin with 'WP' and digits"
        named = package_files.canonical_id(str(wp_id))
        stem = named if package_files.PACKAGE_ID.fullmatch(named) else "WP01"
        repair = f"rename it, for example to {stem}-{path.name}"
        yield warning("ignored-prompt", path, what, repair=repair)


def _markdown_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    # An entry with the name of a prompt is reported even if it is a FIFO or a folder.
    return sorted(
        path
        for path in folder.iterdir()
        if FILE_NAME.fullmatch(path.name) or (path.suffix.lower() == ".md" and path.is_file())
    )


def _root_of(prompt: Path) -> Path:
    """Return the root of the project, above `kitty-specs/<slug>/tasks/<prompt>`."""
    return prompt.parents[3]


def _text_or_nothing(path: Path) -> str:
    try:
        return package_files.read_text(path, below=_root_of(path))
    except (StateUnreadable, OSError):
        return ""


def _examine(path: Path, prompts: list[Prompt], found: list[Finding]) -> None:
    try:
        text = package_files.read_text(path, below=_root_of(path))
        header = front_matter.parse(text, path)
    except StateUnreadable as fault:
        found.append(_front_matter_fault(path, fault))
        return
    except OSError as fault:
        what = f"the file cannot be read: {fault.strerror}"
        found.append(error("unreadable-file", path, what, repair="check its permissions"))
        return
    prompt = Prompt(path=path, text=text, header=header, wp_id=None)
    found.extend(_repeated_fields(prompt))
    prompts.append(_with_fields(prompt, found))


def _front_matter_fault(path: Path, fault: StateUnreadable) -> Finding:
    line = fault.details.get("line")
    what, _, advice = _complaint(fault).partition(f"; {PUT_ITSELF}")
    return error(
        "front-matter",
        path,
        what,
        repair=f"{PUT_ITSELF}{advice}" if advice else BY_HAND,
        line=line if isinstance(line, int) else 1,
    )


def unreadable_outline(path: Path, fault: StateUnreadable) -> Iterator[Finding]:
    """Report the fault if it is about `tasks.md`."""
    if fault.details.get("file") == str(path):
        yield _unreadable(path, fault)


def _unreadable(path: Path, fault: StateUnreadable) -> Finding:
    what, _, advice = _complaint(fault).partition(f"; {PUT_ITSELF}")
    repair = f"{PUT_ITSELF}{advice}" if advice else BY_HAND
    return error("unreadable-file", path, what, repair=repair)


def _complaint(fault: StateUnreadable) -> str:
    """Return the error's text without its file and advice, which the finding has in other fields."""
    text = fault.message.removeprefix(str(fault.details.get("file")))
    text = re.sub(r"^, line \d+", "", text).removeprefix(":").strip()
    return text.removesuffix(f"; {BY_HAND}")


def _with_fields(prompt: Prompt, found: list[Finding]) -> Prompt:
    """Return the prompt with every readable field; each other one is added to `found`."""

    def field(name: str, read: Callable[[], Any], fallback: Any) -> Any:
        try:
            return read()
        except StateUnreadable as fault:
            line = prompt.line_of(name)
            found.append(
                error("front-matter", prompt.path, _complaint(fault), repair=BY_HAND, line=line)
            )
            return fallback

    path, header = prompt.path, prompt.header
    wp_id = field("work_package_id", lambda: package_files.package_id(header, path), None)
    needed = field("dependencies", lambda: package_files.dependency_texts(header, path), [])
    owned = field("owned_files", lambda: package_files.texts(header, "owned_files", path), [])
    field("subtasks", lambda: package_files.listed_subtasks(header, path), {})
    whole = Prompt(
        path=path,
        text=prompt.text,
        header=header,
        wp_id=wp_id,
        dependencies=tuple(needed),
        owned_files=tuple(owned),
    )
    found.extend(_odd_title(whole))
    found.extend(_disagreeing_name(whole))
    found.extend(_odd_patterns(whole))
    return whole


def _repeated_fields(prompt: Prompt) -> Iterator[Finding]:
    lines = prompt.text.split("\n")
    if not prompt.header:
        return
    end = next(n for n, line in enumerate(lines[1:], start=1) if line.strip() == front_matter.FENCE)
    counted = Counter(key[1] for line in lines[1:end] if (key := front_matter.KEY.match(line)))
    for name, times in counted.items():
        if times > 1:
            what = f"the front matter has {name} {times} times; the last one counts"
            line = prompt.line_of(name)
            repair = f"keep one {name}"
            yield warning("front-matter", prompt.path, what, repair=repair, line=line)


def _odd_title(prompt: Prompt) -> Iterator[Finding]:
    if isinstance(prompt.header.get("title"), dict | list):
        what, line = "title is not a string", prompt.line_of("title")
        yield error("front-matter", prompt.path, what, repair="put it in quotes", line=line)


def _disagreeing_name(prompt: Prompt) -> Iterator[Finding]:
    named = FILE_NAME.fullmatch(prompt.path.name)
    if prompt.wp_id and named and named[1].upper() != prompt.wp_id:
        what = f"work_package_id is {prompt.wp_id}, but the file's name has {named[1]}"
        line = prompt.line_of("work_package_id")
        repair = "change one of the two, so that they agree"
        yield warning("id-and-name", prompt.path, what, repair=repair, line=line)


def _odd_patterns(prompt: Prompt) -> Iterator[Finding]:
    for pattern in prompt.owned_files:
        if pattern.startswith("/") or ".." in PurePosixPath(pattern).parts:
            what = f"owned_files: {pattern!r} leads out of the repository"
            line = prompt.line_of("owned_files")
            repair = "write paths relative to the root of the repository"
            yield warning("owned-files", prompt.path, what, repair=repair, line=line)
        try:
            require_simple(pattern)
        except PatternTooComplex as reason:
            what = f"owned_files: {reason}: the pattern matches everything below its literal prefix"
            line = prompt.line_of("owned_files")
            yield warning("owned-files", prompt.path, what, repair="simplify it", line=line)


def _duplicates(prompts: Sequence[Prompt]) -> Iterator[Finding]:
    first: dict[int, Prompt] = {}
    for prompt in prompts:
        if prompt.wp_id is None:
            continue
        other = first.setdefault(number_of(prompt.wp_id), prompt)
        if other is not prompt:
            position = f"{other.path.name}, line {other.line_of('work_package_id')}"
            what = f"{prompt.wp_id} is defined in {position} too, as {other.wp_id}"
            line = prompt.line_of("work_package_id")
            repair = "give one of the two packages another id"
            yield error("duplicate-id", prompt.path, what, repair=repair, line=line)
