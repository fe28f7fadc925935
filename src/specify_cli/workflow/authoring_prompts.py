"""Change the text of a prompt."""

from __future__ import annotations

from specify_cli.core.drafts import PackageEdit
from specify_cli.errors import UsageError
from specify_cli.storage.checkboxes import CHECKBOX, ticks_in
from specify_cli.storage.front_matter import FENCE
from specify_cli.storage.front_matter_edit import NotEditable, with_fields
from specify_cli.storage.package_files import WorkPackage


def edited(package: WorkPackage, text: str, edit: PackageEdit) -> str:
    """Return the text of the package's prompt with the new values.

    Raises:
        UsageError: the front matter has a form that cannot be changed.
        StateUnreadable: the front matter is damaged.
    """
    if edit.content is not None:
        return edit.content.replace("\r\n", "\n")
    values = {name: getattr(edit, name) for name in ("dependencies", "owned_files", "title")}
    fields = {name: value for name, value in values.items() if value is not None}
    header, body = _parts(text)
    if edit.title is not None:
        body = body.replace(
            _heading(package.wp_id, package.title), _heading(package.wp_id, edit.title), 1
        )
    if edit.prompt is not None:
        body = _with_prompt(package, body, edit)
        names = list(ticks_in(edit.prompt))
        fields |= {"subtasks": names} if names else {}
    if not fields:
        return header + body
    try:
        return with_fields((header + body).encode(), fields, package.prompt_path).decode()
    except NotEditable as error:
        advice = f"edit it with 'spec-kitty tasks edit {package.wp_id} --editor'"
        raise UsageError(f"tasks/{package.prompt_path.name}: {error}; {advice}") from error


def body_of(package: WorkPackage, text: str) -> str | None:
    """Return the instructions in a prompt, without front matter and heading."""
    body = _parts(text)[1].strip()
    heading = _heading(package.wp_id, package.title)
    return body.removeprefix(heading).strip() or None


def _heading(wp_id: str, title: str) -> str:
    return f"# {wp_id}: {title}"


def _parts(text: str) -> tuple[str, str]:
    """Split the text after its front matter."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        return "", text
    ends = [n for n, line in enumerate(lines[1:], start=1) if line.rstrip() == FENCE]
    end = ends[0] + 1 if ends else 0
    header = "\n".join(lines[:end])
    return (header + "\n" if end else ""), "\n".join(lines[end:])


def _with_prompt(package: WorkPackage, body: str, edit: PackageEdit) -> str:
    """Return the body with new instructions; the checkboxes stay if those have none."""
    prompt = (edit.prompt or "").strip()
    boxes = [line for line in body.split("\n") if CHECKBOX.fullmatch(line)]
    kept = [] if ticks_in(prompt) else boxes
    heading = _heading(package.wp_id, package.title if edit.title is None else edit.title)
    parts = [heading, prompt, *(["\n".join(kept)] if kept else [])]
    return "\n" + "\n\n".join(parts) + "\n"
