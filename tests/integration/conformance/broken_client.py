"""A minimal orchestrator with one fault: `broken_client.py FAULT INBOX OUTBOX MISSION`.

With the fault `none` it conforms.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

FAULT, INBOX, OUTBOX, MISSION = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4]
# A client can only poll the file.
GLANCE_S = 0.005
WITHIN_S = 60.0
POLICY = {
    "orchestrator_id": "kit-test",
    "orchestrator_version": "1.0.0",
    "agent_family": "none",
    "approval_mode": "supervised",
    "sandbox_mode": "workspace_write",
    "network_mode": "none",
    "dangerous_flags": [],
}
fixed = uuid.uuid4().hex


def has(fault: str) -> bool:
    return fault == FAULT


def submit(stem: str, command: str, args: dict[str, Any]) -> None:
    body: dict[str, Any] = {
        "contract_version": "9.0.0" if has("foreign-version") else "1.3.0",
        "correlation_id": "other" if has("other-id") and command == "list-ready" else stem,
        "command": command,
        "args": args,
        "policy": POLICY,
    }
    if has("no-version"):
        del body["contract_version"]
    if has("unknown-key") and command == "list-ready":
        body["colour"] = "red"
    text = json.dumps(body)
    if has("repeated-key") and command == "list-ready":
        text = text.replace('"args": {', '"args": {"mission": "x", ')
    name = f"{stem}.json"
    temporary = INBOX / (name if has("in-place") else f".{stem}.tmp")
    temporary.write_text(text)
    if not has("in-place"):
        temporary.rename(INBOX / name)


def wait(stem: str, within_s: float = WITHIN_S) -> dict[str, Any] | None:
    path = OUTBOX / f"{stem}.json"
    deadline = time.monotonic() + within_s
    while not path.exists():
        if time.monotonic() > deadline:
            return None
        time.sleep(GLANCE_S)
    raw = path.read_bytes()
    if has("removes-replies"):
        path.unlink()
    if has("minds-order") and not raw.startswith(b'{"contract_version"'):
        sys.exit("what is this?")
    envelope: dict[str, Any] = json.loads(raw)
    if has("minds-fields") and "added_later" in envelope["data"]:
        sys.exit("an unknown field")
    return envelope


def ask(command: str, **args: Any) -> dict[str, Any]:
    tries = 0
    stem = fixed if has("reuses-id") else uuid.uuid4().hex
    while True:
        tries += 1
        submit(stem, command, args)
        is_impatient = has("impatient") and command == "append-history" and tries == 1
        envelope = wait(stem, 2.0 if is_impatient or has("gives-up") else WITHIN_S)
        if envelope is None and not is_impatient:
            sys.exit("no answer")
        if envelope is not None and envelope["success"]:
            data: dict[str, Any] = envelope["data"]
            return data
        if envelope is not None and not is_worth_another(envelope):
            sys.exit(envelope["data"]["message"])
        stem = stem if has("asks-under-old-id") and tries < 3 else uuid.uuid4().hex


def is_worth_another(envelope: dict[str, Any]) -> bool:
    if has("never-again"):
        return False
    if has("reads-messages"):
        return "again" in envelope["data"]["message"]
    return bool(envelope["data"]["retryable"])


def poll() -> None:
    """Ask often without waiting: a busy machine does not answer so often within a second."""
    stems = [uuid.uuid4().hex for _ in range(30)]
    for stem in stems:
        submit(stem, "mission-state", {"mission": MISSION})
    for stem in stems:
        wait(stem)


def main() -> None:
    ask("list-ready", mission=MISSION)
    if has("wrong-name"):
        submit(f"{uuid.uuid4().hex}!", "list-ready", {"mission": MISSION})
    if has("wrong-argument"):
        submit(uuid.uuid4().hex, "list-ready", {"mission": 7})
    if has("polls"):
        poll()
    note = {"mission": MISSION, "wp": "WP01", "actor": "kit-test"}
    ask("append-history", note="one", **note)
    if has("does-not-wait"):
        submit(uuid.uuid4().hex, "append-history", note | {"note": "and"})
    if has("does-not-wait") or has("crashes"):
        ask("append-history", note="two", **note)
    if has("crashes"):
        sys.exit("I do not know why")


if __name__ == "__main__":
    main()
