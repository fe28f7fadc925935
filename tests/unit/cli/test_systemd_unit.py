"""The unit that `mailbox install-service` writes, checked by systemd if it is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from specify_cli.cli import mailbox_install
from specify_cli.cli.mailbox import mailbox
from specify_cli.cli.systemd_unit import Unit, argument, quoted

ANALYZE = shutil.which("systemd-analyze")
HOSTILE = 'a b 50% $HOME "q" back\\slash; #'
PROGRAM = Path("/usr/bin/env")
MOST_EXPOSED = 4.0


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / HOSTILE
    (made / "kitty-specs").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(mailbox_install, "SYSTEM_UNITS", tmp_path / "system")
    return made


def install(project: Path, *options: str) -> Result:
    return CliRunner().invoke(mailbox, ["install-service", "--project", str(project), *options])


def test_paths_are_quoted_for_systemd() -> None:
    assert quoted(Path('/a b/50%/"q"/x\\y')) == '"/a b/50%%/\\"q\\"/x\\\\y"'
    assert argument(Path("/$HOME")) == '"/$$HOME"'


def test_a_path_with_a_trailing_backslash_does_not_join_lines_of_the_unit() -> None:
    for user in (None, "root", "ada"):
        text = Unit(program=PROGRAM, project=Path("/srv/back\\"), user=user).text()
        assert "\\\n" not in text


def test_install_service_writes_a_unit_and_prints_the_next_command(project: Path) -> None:
    written = install(project, "--user", "--name", "mine")
    assert written.exit_code == 0, written.output
    unit = project.parent / "config" / "systemd" / "user" / "mine.service"
    assert f"wrote {unit}" in written.stdout
    assert "next: systemctl --user enable --now mine.service" in written.stdout
    text = unit.read_text()
    assert f"mailbox serve --project {argument(project)}\n" in text
    assert "User=" not in text
    again = install(project, "--user", "--name", "mine.service")
    assert again.exit_code == 0


def test_a_different_unit_is_replaced_only_with_force(project: Path) -> None:
    folder = project.parent / "system"
    folder.mkdir()
    (folder / "mine.service").write_text("[Service]\n")
    refused = install(project, "--system", "--name", "mine")
    assert refused.exit_code == 2
    assert "--force" in refused.stderr
    assert (folder / "mine.service").read_text() == "[Service]\n"
    assert install(project, "--system", "--name", "mine", "--force").exit_code == 0
    assert "ReadWritePaths=" in (folder / "mine.service").read_text()


def test_install_service_refuses_invalid_names_and_paths(project: Path) -> None:
    assert "is not a name of a unit" in install(project, "--user", "--name", "../x").stderr
    odd = project.parent / "new\nline"
    (odd / "kitty-specs").mkdir(parents=True)
    assert "rename the folder" in install(odd, "--user").stderr
    (project.parent / "config").write_text("not a folder")
    assert install(project, "--user").exit_code == 2


def test_install_service_with_print_writes_nothing(project: Path) -> None:
    printed = install(project, "--system", "--print")
    data = json.loads(install(project, "--system", "--print", "--json").stdout)["data"]
    assert printed.stdout == data["unit"]
    assert Path(data["path"]).name == "spec-kitty-a-b-50-HOME-q-back-slash.service"
    assert not (project.parent / "system").exists()


def test_the_unit_may_write_to_git_folders_outside_the_project() -> None:
    unit = Unit(program=PROGRAM, project=Path("/p"), writable=[Path("/g")], user="alice")
    assert 'ReadWritePaths="/p" "/g"\n' in unit.text()
    assert "PrivateTmp=yes\n" in unit.text()
    assert "PrivateTmp" not in Unit(program=PROGRAM, project=Path("/tmp/p"), user="alice").text()


@pytest.mark.long
@pytest.mark.skipif(ANALYZE is None, reason="systemd is not installed")
@pytest.mark.parametrize("user", ["games", "root", None])
def test_systemd_analyze_accepts_the_unit(tmp_path: Path, user: str | None) -> None:
    project = tmp_path / HOSTILE
    project.mkdir()
    path = tmp_path / "spec-kitty-x.service"
    path.write_text(Unit(program=PROGRAM, project=project, user=user).text())
    env = os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}
    scope = ["--user"] if user is None else []
    verify = [str(ANALYZE), "verify", *scope, str(path)]
    verified = subprocess.run(verify, capture_output=True, text=True, env=env, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    if user == "games":
        judge = [str(ANALYZE), "security", "--offline=yes", "--no-pager", str(path)]
        judged = subprocess.run(judge, capture_output=True, text=True, check=True).stdout
        exposure = re.search(r"exposure level for .*: ([0-9.]+)", judged)
        assert exposure is not None
        assert float(exposure[1]) <= MOST_EXPOSED
