"""Each advised command works when it is pasted, in the state in which it is printed.

Other tests paste further commands: `tests/architecture/advised_commands.toml` names the test for each command.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.integration.advice import damage, steps
from tests.integration.advice.pasting import Shown, advised, one, paste, say, serve, submitted
from tests.integration.stage import SLUG, Stage
from tests.patience import LONGEST_S

pytestmark = pytest.mark.long

NEXT = "next: "

ROWS: dict[tuple[str, str], tuple[Callable[[Stage], Shown], str]] = {
    ("storage/project.py", "spec-kitty init"): (steps.no_project, "run '"),
    ("cli/client.py", "spec-kitty init"): (steps.no_project, NEXT),
    ("cli/project.py", 'spec-kitty specify "What is to be built"'): (steps.no_mission, NEXT),
    ("cli/prompting.py", 'spec-kitty specify "What is to be built"'): (steps.none_to_choose, NEXT),
    ("cli/specify.py", "spec-kitty specify"): (steps.a_title, "for example: "),
    ("cli/specify.py", "spec-kitty plan --mission {}"): (steps.specified, NEXT),
    ("cli/specify.py", "spec-kitty tasks"): (steps.planned, NEXT),
    ("cli/prompting.py", "spec-kitty tasks"): (steps.no_packages, NEXT),
    ("cli/advice.py", "spec-kitty tasks"): (steps.no_packages_when_one_is_named, NEXT),
    ("cli/advice.py", "spec-kitty move {} {} --review-ref 'the review'"): (
        steps.sent_back_without_a_review,
        NEXT,
    ),
    ("cli/backup.py", "git bundle create {} --all"): (steps.backed_up, "save them too: "),
    ("cli/advice.py", "spec-kitty tasks done {}"): (steps.begun_with_subtasks, NEXT),
    ("storage/missing_missions.py", "git switch {}"): (damage.on_another_branch, "; '"),
    ("workflow/doctor_lane_branches.py", "mv {} {}"): (damage.a_mission_that_was_renamed, "'"),
    ("cli/tasks.py", "spec-kitty tasks add {}"): (steps.a_package_s_title, "for example: "),
    ("cli/tasks.py", "spec-kitty tasks finalize {}"): (steps.a_package_was_added, NEXT),
    ("cli/tasks_change.py", "spec-kitty tasks edit {} --title 'New title'"): (steps.a_change, NEXT),
    ("cli/workspace.py", "spec-kitty implement WP01"): (steps.no_workspace, "'"),
    ("cli/advice.py", "spec-kitty merge --strategy {}"): (steps.strategy, NEXT),
    ("cli/accept_merge.py", "spec-kitty accept"): (steps.not_accepted, NEXT),
    ("cli/accept_merge.py", "spec-kitty status {}"): (steps.merged, NEXT),
    ("cli/accept_merge.py", "git push origin {}"): (steps.on_a_branch, "to push it: "),
    ("cli/accept_merge.py", "cd {}"): (steps.from_its_workspace, "was removed: "),
    ("workflow/tidying.py", "spec-kitty merge --mission {}"): (steps.not_merged, "merge it with '"),
    ("cli/advice.py", "spec-kitty move {} in_progress --review-ref 'to be updated'"): (
        steps.update_of_approved_work,
        NEXT,
    ),
    ("cli/advice.py", "git switch {} && git merge -"): (steps.work_on_another_branch, "branch ("),
    ("cli/advice.py", "cd {} && {}"): (steps.in_use, "then try again\n"),
    (
        "core/claims.py",
        'spec-kitty release-claim {} --mission {} --force --note "the holder is silent"',
    ): (steps.another_s_claim, "with '"),
    (
        "core/rules.py",
        "spec-kitty agent tasks mark-status {} --status done --mission {}",
    ): (steps.open_subtasks, "with '"),
    ("core/rules.py", 'spec-kitty move {} canceled --mission {} --note "not needed"'): (
        steps.canceled_without_a_note,
        "with '",
    ),
    ("cli/review.py", "spec-kitty review {} --approve{}"): (steps.without_a_terminal, NEXT),
    ("mailbox/verification.py", "spec-kitty doctor --fix"): (damage.a_forged_reply, "; '"),
    ("orchestrator_api/config_file.py", "chmod go-w {}"): (
        damage.a_config_that_others_may_write,
        "run '",
    ),
    ("storage/event_lines.py", "spec-kitty doctor --fix"): (damage.an_edited_line, "run '"),
    ("workflow/doctor_log.py", "spec-kitty doctor --fix"): (
        damage.a_line_that_is_not_json,
        "run '",
    ),
    ("storage/record_schema.py", "mkdir -p {}"): (damage.a_damaged_record, "('"),
    ("workflow/authoring.py", "git init"): (damage.outside_of_git, "run '"),
    ("workflow/doctor_git.py", "git init"): (damage.missions_outside_of_git, "run '"),
    ("workflow/repositories.py", "git init"): (damage.a_start_outside_of_git, "run '"),
    ("workflow/authoring_commits.py", "git init"): (damage.tasks_outside_of_git, "run '"),
    ("workflow/authoring_agreement.py", "spec-kitty tasks --mission {}"): (
        steps.a_section_without_a_prompt,
        "run '",
    ),
    ("workflow/authoring_agreement.py", "spec-kitty doctor --fix"): (
        damage.a_prompt_in_a_folder_of_a_lane,
        "run '",
    ),
    ("workflow/authoring_packages.py", "spec-kitty doctor --fix"): (
        damage.the_same_when_packages_are_written,
        "run '",
    ),
    ("workflow/doctor_prompts.py", 'spec-kitty tasks add {} "What is to be done"'): (
        damage.a_mission_without_tasks,
        "with '",
    ),
    ("storage/missing_missions.py", 'spec-kitty specify "What is to be built"'): (
        steps.an_unknown_mission_and_no_other,
        "with '",
    ),
    (
        "workflow/doctor_lane_branches.py",
        'spec-kitty move {} planned --mission {} --force --note "was given up in the other clone"',
    ): (damage.in_another_clone, "not possible, '"),
    ("workflow/pull_requests.py", "git branch -D {}"): (steps.a_branch_of_that_name, "it with '"),
    ("workflow/doctor_workspaces.py", "spec-kitty sync"): (damage.shared_objects, "run '"),
    ("workflow/doctor_elsewhere.py", "git merge --abort"): (
        damage.during("merge", "other"),
        "with '",
    ),
    ("workflow/doctor_elsewhere.py", "git rebase --abort"): (
        damage.during("rebase", "other"),
        "with '",
    ),
    ("workflow/doctor_elsewhere.py", "git cherry-pick --abort"): (
        damage.during("cherry-pick", "other"),
        "with '",
    ),
    ("workflow/doctor_elsewhere.py", "git revert --abort"): (
        damage.during("revert", "HEAD~1"),
        "with '",
    ),
    ("workflow/doctor_host.py", "chmod o-w {}"): (damage.a_folder_that_all_may_write, "run: "),
    ("workflow/doctor_host.py", 'echo "{}" >> {}'): (damage.no_union_merge, "its owner runs '"),
    ("workflow/doctor_git.py", "cd {} && git switch {}"): (
        damage.a_workspace_on_another_branch,
        "then runs: ",
    ),
}
"""Module and advised command to what prints it and the text before it."""

READS = (
    "spec-kitty --help",
    "spec-kitty contract show",
    "spec-kitty contract show --fixtures",
    "spec-kitty contract show lanes",
    "spec-kitty doctor || test $? = 1",
    "spec-kitty help",
    "spec-kitty help merge",
    "spec-kitty help move",
    "spec-kitty help operators",
    "spec-kitty help operators | cat",
    "spec-kitty mailbox access",
    "spec-kitty mailbox dead-letters list",
    "spec-kitty mailbox dead-letters list --waiting",
    "spec-kitty mailbox head",
    "spec-kitty mailbox status || test $? = 2",
    "spec-kitty mailbox tail --no-follow",
    "spec-kitty mailbox verify",
    "spec-kitty mission list",
    "spec-kitty mission list --all",
    "spec-kitty orchestrator-api --help",
    "spec-kitty restore --help",
    "spec-kitty review WP01",
    "spec-kitty status",
    f"spec-kitty status {SLUG}",
    f"spec-kitty status WP01 --mission {SLUG}",
    f"spec-kitty tasks list {SLUG}",
    "git branch",
    "git diff --no-ext-diff --no-textconv --stat main main",
    "git fsck",
    "git fsck --no-reflogs --lost-found",
    "git show main",
)
"""Read-only commands that messages advise."""


@pytest.fixture
def looked_at(stage: Stage) -> Stage:
    """A project with a submitted package."""
    submitted(stage)
    return stage


@pytest.mark.parametrize("row", ROWS, ids=" ".join)
def test_advised_command_works_as_printed(stage: Stage, row: tuple[str, str]) -> None:
    shown, lead = ROWS[row][0](stage), ROWS[row][1]
    command = advised(shown.text, lead)
    pattern = ".+".join(map(re.escape, row[1].split("{}")))
    assert re.match(pattern, command), shown.text
    paste(stage, command, shown)


@pytest.mark.parametrize("command", READS)
def test_advised_read_only_command_works(looked_at: Stage, command: str) -> None:
    paste(looked_at, command, Shown(""))


def test_worker_is_started_and_stopped_with_the_advised_commands(stage: Stage) -> None:
    one(stage)
    command = advised(say(stage, "mailbox", "status"), NEXT)
    assert command == "spec-kitty mailbox serve"
    worker = serve(stage, command)
    config = stage.root / ".kitty" / "config.toml"
    config.write_text("trash_days = 3\n")
    config.chmod(0o600)
    paste(stage, advised(say(stage, "mailbox", "access"), "run '"), Shown(""))
    assert "still uses" not in say(stage, "mailbox", "access")
    paste(stage, f"kill {worker.pid}", Shown(""))
    assert worker.wait(LONGEST_S) == 0
