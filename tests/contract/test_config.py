"""The schema of `config.toml` and the host accept and refuse the same files."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from specify_cli.bootstrap import ProjectHost
from specify_cli.conformance.documents import CONTRACT
from specify_cli.errors import StateUnreadable
from specify_cli.orchestrator_api import config_file, grants, registry
from specify_cli.storage.settings import HostSettings

GUIDE = Path(__file__).parents[2] / "src/specify_cli/guides/operators.md"
A = "[orchestrators.a]\n"
ALL = f'{A}commands = ["all"]\n'
NAMED = '[orchestrators.{}]\ncommands = ["all"]\n'

SETTINGS = """
git_timeout_s = 1
push_timeout_s = 86400
owned_files = "refuse"
stale_after_s = 7200
workspace_objects = "copy"
hooks = "none"
filters = ["lfs", "Own.filter_2-x"]
intake = "require-sandbox"
intake_max_bytes = 1099511627776
intake_max_files = 1
trash_days = 0
trash_max_count = 1000000000
trash_max_bytes = 0
reads_days = 0
reads_max_bytes = 1099511627776
reads_max_count = 1000000000
replies_days = 0
replies_max_count = 1000000000
replies_max_bytes = 0
journal_days = 36500
journal_max_bytes = 0
archive_days = 36500
archive_max_bytes = 0
letters_days = 7
letters_max_count = 1000000000
"""

GOOD = {
    "one": ALL,
    "settings and one": f"{SETTINGS}{ALL}",
    "no filter": f"filters = []\n{ALL}",
    "64 filters": f"filters = {[f'f{n}' for n in range(63)] + ['f' * 64]}\n{ALL}",
    "largest settings": f"intake_max_files = 10000000\ntrash_days = 3650\n{ALL}",
    "every command": f"{A}commands = {[*registry.CONTRACT_COMMANDS, 'all', 'read-only']}\n",
    "everything": f"""{A}
        commands = ["read-only", "append-history"]
        missions = ["034-*", "[0-9]?x"]
        actors = ["nightly-*", "a/b c"]
        uid = 0
        [orchestrators.a.policy]
        network_mode = ["none"]
        orchestrator_id = ["x", "y"]
        orchestrator_version = ["1"]
        agent_family = ["claude"]
        approval_mode = ["supervised"]
        sandbox_mode = ["workspace_write"]
        tool_restrictions = ["none"]
        dangerous_flags = []
        [orchestrators.a.quota]
        max_waiting = 1
        max_waiting_bytes = 17179869184
        max_request_bytes = 16777216
        max_daily_requests = 100000000
        max_daily_bytes = 1
        [orchestrators.a.paths]
        ".worktrees" = "/work"
        "/srv" = "relative"
    """,
    "empty tables": f"{ALL}[orchestrators.a.policy]\n[orchestrators.a.quota]\n[orchestrators.a.paths]\n",
    "largest": f"{ALL}uid = 4294967294\nquota = {{max_waiting = 1000000}}\n",
    "names": "".join(NAMED.format(x) for x in ("default", "-a", "_", '"a.b"', "a" * 64)),
    "256": "".join(NAMED.format(f"a{n}") for n in range(256)),
}

BAD_NAMES = [
    '""',
    '".a"',
    '"a.json"',
    '"a.JSON"',
    '"a.jsonl"',
    '"a.tmp"',
    "Default",
    '"a b"',
    '"a\\n"',
]
BAD_NAMES += ['"a/b"', '".."', "a" * 65, '"\\u00e9"', '"a\\u0000"']
BAD_KEYS = {
    "commands = []": "orchestrators.a.commands",
    'commands = "all"': "orchestrators.a.commands",
    "commands = 1979-05-27": "orchestrators.a.commands",
    'commands = ["orchestrate"]': "orchestrators.a.commands.0",
    'commands = ["all", 1]': "orchestrators.a.commands.1",
    'missions = ["x"]': "orchestrators.a.commands",
}
BAD_MORE = {
    "uids = 1": "uids",
    "uid = -1": "uid",
    "uid = 4294967295": "uid",
    "uid = true": "uid",
    "uid = nan": "uid",
    'uid = "0"': "uid",
    "uid = 1.5": "uid",
    "missions = []": "missions",
    'missions = ["a/b"]': "missions.0",
    'missions = [""]': "missions.0",
    'missions = ["a\\n"]': "missions.0",
    "missions = [07:32:00]": "missions.0",
    f'missions = ["{"x" * 201}"]': "missions.0",
    "actors = []": "actors",
    'actors = ["\\u0000"]': "actors.0",
    'policy = {network_mod = ["none"]}': "policy.network_mod",
    "policy = {network_mode = []}": "policy.network_mode",
    'policy = {network_mode = "none"}': "policy.network_mode",
    'policy = {network_mode = [""]}': "policy.network_mode.0",
    "policy = []": "policy",
    "policy = 1979-05-27": "policy",
    "quota = {max_waiting = 0}": "quota.max_waiting",
    "quota = {max_waiting = 1000001}": "quota.max_waiting",
    "quota = {max_waiting_bytes = 0}": "quota.max_waiting_bytes",
    "quota = {max_waiting_bytes = 17179869185}": "quota.max_waiting_bytes",
    "quota = {max_request_bytes = -1}": "quota.max_request_bytes",
    "quota = {max_daily_requests = 0}": "quota.max_daily_requests",
    "quota = {max_daily_bytes = 1099511627777}": "quota.max_daily_bytes",
    "quota = {max_request_bytes = 16777217}": "quota.max_request_bytes",
    "quota = {max_request_bytes = 99999999999999999999}": "quota.max_request_bytes",
    "quota = {depth = 1}": "quota.depth",
    'paths = {"" = "/x"}': "paths",
    'paths = {"/x" = ""}': "paths./x",
    'paths = {"/x" = 1}': "paths./x",
    'paths = {"/x" = 1979-05-27}': "paths./x",
}
BAD = {
    "no time": ("git_timeout_s = 0\n", "git_timeout_s"),
    "a long time": ("git_timeout_s = 3601\n", "git_timeout_s"),
    "half a second": ("git_timeout_s = 1.5\n", "git_timeout_s"),
    "no time for a push": ("push_timeout_s = 0\n", "push_timeout_s"),
    "days for a push": ("push_timeout_s = 86401\n", "push_timeout_s"),
    "no time to be silent": ("stale_after_s = 0\n", "stale_after_s"),
    "years to be silent": ("stale_after_s = 31536001\n", "stale_after_s"),
    "another rule": ('owned_files = "ignore"\n', "owned_files"),
    "objects elsewhere": ('workspace_objects = "link"\n', "workspace_objects"),
    "hooks or not": ("hooks = true\n", "hooks"),
    "hooks otherwise": ('hooks = "run"\n', "hooks"),
    "filters in one text": ('filters = "lfs"\n', "filters"),
    "a filter twice": ('filters = ["lfs", "x", "lfs"]\n', "filters"),
    "65 filters": (f"filters = {[f'f{n}' for n in range(65)]}\n", "filters"),
    "a filter without a name": ('filters = ["x", ""]\n', "filters.1"),
    "a filter that is a command": ('filters = ["git lfs"]\n', "filters.0"),
    "a filter with a line break": ('filters = ["lfs\\n"]\n', "filters.0"),
    "a filter of other letters": ('filters = ["\\u00e9"]\n', "filters.0"),
    "a long filter": (f'filters = ["{"f" * 65}"]\n', "filters.0"),
    "a filter that is a number": ("filters = [1]\n", "filters.0"),
    "another intake": ('intake = "refuse"\n', "intake"),
    "nothing may come in": ("intake_max_bytes = 0\n", "intake_max_bytes"),
    "more than a tebibyte": ("intake_max_bytes = 1099511627777\n", "intake_max_bytes"),
    "bytes as text": ('intake_max_bytes = "2 GiB"\n', "intake_max_bytes"),
    "no files": ("intake_max_files = 0\n", "intake_max_files"),
    "very many files": ("intake_max_files = 10000001\n", "intake_max_files"),
    "days before now": ("trash_days = -1\n", "trash_days"),
    "more than ten years": ("trash_days = 3651\n", "trash_days"),
    "half a day": ("trash_days = 0.5\n", "trash_days"),
    "reads of days to come": ("reads_days = -1\n", "reads_days"),
    "more than a century of letters": ("letters_days = 36501\n", "letters_days"),
    "a journal without end": ("journal_max_bytes = 1099511627777\n", "journal_max_bytes"),
    "less than no reply": ("replies_max_count = -1\n", "replies_max_count"),
    "an archive of text": ('archive_max_bytes = "1 GB"\n', "archive_max_bytes"),
    "more than a billion letters": ("letters_max_count = 1000000001\n", "letters_max_count"),
    "what follows from the grants": ("has_orchestrators = true\n", "has_orchestrators"),
    "users of orchestrators": ("[owners]\na = 1\n", "owners"),
    "a setting behind a table": (f"{ALL}git_timeout_s = 5\n", "orchestrators.a.git_timeout_s"),
    "no orchestrator": ("[orchestrators]\n", "orchestrators"),
    "257": ("".join(NAMED.format(f"a{n}") for n in range(257)), "orchestrators"),
    "another table": (f"{ALL}[more]\n", "more"),
    "no table": ("orchestrators = 1\n", "orchestrators"),
    "a list": ("[[orchestrators]]\n", "orchestrators"),
    "65 paths": (
        ALL + "[orchestrators.a.paths]\n" + "".join(f'"/{n}" = "/x"\n' for n in range(65)),
        "orchestrators.a.paths",
    ),
    **{f"name {name}": (NAMED.format(name), "orchestrators") for name in BAD_NAMES},
    **{text: (f"{A}{text}\n", key) for text, key in BAD_KEYS.items()},
    **{text: (f"{ALL}{text}\n", f"orchestrators.a.{key}") for text, key in BAD_MORE.items()},
}


def write(root: Path, text: str) -> Path:
    (root / ".kitty").mkdir(mode=0o755)
    path = root / ".kitty" / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def fits_the_schema(text: str) -> bool:
    schema = Draft202012Validator(CONTRACT.schema("config"))
    return schema.is_valid(tomllib.loads(text))


@pytest.mark.parametrize("name", GOOD)
def test_a_valid_config_is_accepted(tmp_path: Path, name: str) -> None:
    assert fits_the_schema(GOOD[name])
    write(tmp_path, GOOD[name])
    found = config_file.read(tmp_path).grants
    assert [grant.identity for grant in found] == list(tomllib.loads(GOOD[name])["orchestrators"])


@pytest.mark.parametrize("name", BAD)
def test_an_invalid_config_is_refused_with_its_key(tmp_path: Path, name: str) -> None:
    text, key = BAD[name]
    assert not fits_the_schema(text)
    path = write(tmp_path, text)
    with pytest.raises(StateUnreadable) as caught:
        config_file.read(tmp_path)
    assert f"{path}: at {key}" in caught.value.message
    assert "spec-kitty mailbox access" in caught.value.message


def test_a_config_without_orchestrators_grants_everything(tmp_path: Path) -> None:
    assert fits_the_schema(SETTINGS)
    write(tmp_path, SETTINGS)
    found = config_file.read(tmp_path)
    assert found.settings == HostSettings(
        git_timeout_s=1,
        push_timeout_s=86400,
        owned_files="refuse",
        stale_after_s=7200,
        workspace_objects="copy",
        hooks="none",
        filters=("lfs", "Own.filter_2-x"),
        intake="require-sandbox",
        intake_max_bytes=2**40,
        intake_max_files=1,
        trash_days=0,
        trash_max_count=1000000000,
        trash_max_bytes=0,
        reads_days=0,
        reads_max_bytes=1099511627776,
        reads_max_count=1000000000,
        replies_days=0,
        replies_max_count=1000000000,
        replies_max_bytes=0,
        journal_days=36500,
        journal_max_bytes=0,
        archive_days=36500,
        archive_max_bytes=0,
        letters_days=7,
        letters_max_count=1000000000,
    )
    assert found.grants == (grants.everything(),)


def test_an_empty_config_is_refused(tmp_path: Path) -> None:
    assert not fits_the_schema("# nothing\n")
    write(tmp_path, "# nothing\n")
    with pytest.raises(StateUnreadable):
        config_file.read(tmp_path)


def test_the_schema_has_the_default_of_each_setting() -> None:
    properties = CONTRACT.schema("config")["properties"]
    defaults = {name: entry["default"] for name, entry in properties.items() if "default" in entry}
    assert HostSettings(**defaults) == HostSettings()
    assert defaults == HostSettings().written
    from_grants = {*HostSettings._fields} - defaults.keys()
    assert from_grants == {"has_orchestrators", "owners"}


@pytest.mark.parametrize("name", HostSettings().written)
def test_the_contract_table_states_the_values_and_the_default_of_each_setting(name: str) -> None:
    entry = CONTRACT.schema("config")["properties"][name]
    text = CONTRACT.texts()["mailbox.md"]
    [row] = [line for line in text.splitlines() if line.startswith(f"| `{name}` | ")]
    values, default, meaning = row.removeprefix(f"| `{name}` | ").removesuffix(" |").split(" | ")

    default_told = "absent" if entry["default"] is None else _told(entry["default"])
    assert default == default_told
    if "enum" in entry:
        assert values == ", ".join(map(_told, entry["enum"]))
    elif "minimum" in entry:
        assert values == f"{entry['minimum']:,} to {entry['maximum']:,}"
    assert meaning


@pytest.mark.parametrize("name", HostSettings().written)
def test_the_guide_states_the_default_of_each_setting(name: str) -> None:
    default = HostSettings().written[name]
    told = "absent" if default is None else f"`{json.dumps(default)}`"
    assert f"\n| `{name}` | {told} | " in GUIDE.read_text("utf-8")


def _told(value: str | int) -> str:
    return f'`"{value}"`' if isinstance(value, str) else f"{value:,}"


def test_settings_list_the_uid_of_each_orchestrator(tmp_path: Path) -> None:
    uids = {"a": "uid = 0", "b": "", "default": "uid = 1001"}
    write(tmp_path, "".join(f"{NAMED.format(name)}{uid}\n" for name, uid in uids.items()))

    found = config_file.read(tmp_path).settings

    assert found == HostSettings(has_orchestrators=True, owners={"a": 0, "default": 1001})


@pytest.mark.parametrize(
    ("rule", "grants", "shares"),
    [
        ("", "", True),
        ("", ALL, False),
        ("auto", "", True),
        ("auto", ALL, False),
        ("share", "", True),
        ("share", ALL, True),
        ("copy", "", False),
        ("copy", ALL, False),
    ],
)
def test_workspaces_share_objects_by_default_without_orchestrators(
    tmp_path: Path, rule: str, grants: str, shares: bool
) -> None:
    written = f'workspace_objects = "{rule}"\n' if rule else "trash_days = 14\n"
    write(tmp_path, written + grants)
    assert config_file.read(tmp_path).settings.shares_objects is shares


def test_the_project_host_passes_on_settings_derived_from_grants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SPECIFY_REPO_ROOT", raising=False)
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert ProjectHost(tmp_path).project.settings.shares_objects

    write(tmp_path, f"{ALL}uid = 7\n")

    settings = ProjectHost(tmp_path).project.settings
    assert not settings.shares_objects
    assert settings.owners == {"a": 7}


def test_the_schema_has_the_default_quota_and_the_command_names() -> None:
    schema = CONTRACT.schema("config")["$defs"]
    quota = {name: entry["default"] for name, entry in schema["quota"]["properties"].items()}
    assert grants.Quota(**quota) == grants.Quota()
    words = schema["orchestrator"]["properties"]["commands"]["items"]["enum"]
    assert words == [grants.ALL, grants.READ_ONLY, *registry.CONTRACT_COMMANDS]
