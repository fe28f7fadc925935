"""Workflows, dependabot, pre-commit, templates and versions agree with the project."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import distributions

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
PINNED_USE = re.compile(
    r"^ *(?:- )?uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)$"
)
NO_PUBLISHING = re.compile(
    r"twine upload|gh-action-pypi-publish|gh release create|hatch publish|uv publish"
)

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "tests" / "constraints.txt").read_text(encoding="utf-8").split()

every_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def steps_of(workflow: Any) -> Iterator[Any]:
    for job in workflow["jobs"].values():
        yield from job["steps"]


def uses_in(path: Path) -> list[str]:
    return [
        it for it in path.read_text(encoding="utf-8").splitlines() if re.match(r" *(- )?uses:", it)
    ]


@every_workflow
def test_every_action_is_pinned_to_a_commit_and_says_its_version(path: Path):
    lines = uses_in(path)

    assert len(lines) == sum("uses" in step for step in steps_of(loaded(path)))
    assert [line for line in lines if not PINNED_USE.match(line)] == []


def test_an_action_has_the_same_pin_everywhere():
    pins = defaultdict(set)
    for line in (line for path in WORKFLOWS for line in uses_in(path)):
        found = PINNED_USE.match(line)
        assert found is not None
        pins[found["action"]].add((found["commit"], found["version"]))

    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


@every_workflow
def test_a_workflow_has_minimal_permissions(path: Path):
    workflow = loaded(path)

    assert workflow["permissions"] in ({}, {"contents": "read"})
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 180
        if "write" in job.get("permissions", {}).values():
            # The job can sign, so it runs no code of this repository.
            assert [step for step in job["steps"] if "run" in step] == []


@every_workflow
def test_a_checkout_persists_no_credentials(path: Path):
    checkouts = [it for it in steps_of(loaded(path)) if "actions/checkout@" in it.get("uses", "")]

    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@every_workflow
def test_no_workflow_publishes(path: Path):
    assert NO_PUBLISHING.findall(path.read_text(encoding="utf-8")) == []


def test_the_build_runs_on_every_declared_python_version():
    jobs = loaded(GITHUB / "workflows" / "ci.yml")["jobs"]
    claimed = [it.rpartition(" ")[2] for it in PROJECT["project"]["classifiers"] if ":: 3." in it]

    assert jobs["linux"]["strategy"]["matrix"]["python"] == claimed
    assert jobs["macos"]["runs-on"].startswith("macos-")


def test_the_tests_listed_for_macos_exist():
    tests = re.findall(r"tests/\S+", (ROOT / ".ci" / "portable").read_text(encoding="utf-8"))

    assert [it for it in tests if not list(ROOT.glob(it))] == []


def test_the_release_uses_the_distribution_script_of_the_build():
    for name in (".github/workflows/release.yml", ".ci/run", ".ci/portable"):
        assert "bash .ci/distributions" in (ROOT / name).read_text(encoding="utf-8")


def test_dependabot_updates_packages_constraints_and_actions():
    updates = loaded(GITHUB / "dependabot.yml")["updates"]

    assert {(it["package-ecosystem"], it["directory"]) for it in updates} == {
        ("pip", "/"),
        ("pip", "/tests"),
        ("github-actions", "/"),
    }


def test_pre_commit_uses_the_tool_versions_of_the_build():
    hooks = [
        it for repo in loaded(ROOT / ".pre-commit-config.yaml")["repos"] for it in repo["hooks"]
    ]
    pins = {pin for hook in hooks for pin in hook.get("additional_dependencies", ())}

    assert pins
    assert pins <= set(CONSTRAINTS)
    assert {it.partition("==")[0] for it in pins} == {"ruff"}
    # The other linters come from the environment that the constraints pin.
    others = [it["entry"] for it in hooks if it["language"] == "system"]
    assert others == [".venv/bin/mypy", ".venv/bin/lint-imports"]


@pytest.mark.parametrize("name", ["bug", "feature"])
def test_an_issue_form_has_the_keys_that_github_requires(name: str):
    form = loaded(GITHUB / "ISSUE_TEMPLATE" / f"{name}.yml")

    assert form.keys() >= {"name", "description", "body"}
    inputs = [it for it in form["body"] if it["type"] != "markdown"]
    assert len({it["id"] for it in inputs}) == len(inputs)
    assert all(it["attributes"]["label"] for it in inputs)


def test_source_changelog_and_release_notes_state_the_same_version():
    assert list(distributions.faults_of_changelog()) == []


def test_a_tag_of_another_version_is_refused():
    found = list(distributions.faults_of_tag("v0.0.1"))

    assert any("names another version" in it for it in found)
