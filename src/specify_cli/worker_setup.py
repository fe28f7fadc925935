"""Composition of a worker: its dispatcher, settings and background tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from specify_cli import bootstrap
from specify_cli.errors import SpecKittyError
from specify_cli.mailbox import health, health_facts, metrics_file
from specify_cli.mailbox.background import BackgroundTask, BackgroundTasks
from specify_cli.mailbox.settings import NewSettings, Orchestrator, WorkerSettings
from specify_cli.mailbox.worker import Worker
from specify_cli.orchestrator_api import config_changes
from specify_cli.orchestrator_api.access import Access
from specify_cli.orchestrator_api.command_names import CONTRACT_COMMANDS
from specify_cli.orchestrator_api.dispatcher import Dispatcher
from specify_cli.orchestrator_api.envelope import CONTRACT_VERSION
from specify_cli.storage.journal import Journal
from specify_cli.storage.project import Project
from specify_cli.workflow import lost_heads, upkeep, workspace_index
from specify_cli.workflow.lane_follower import LaneFollower
from specify_cli.workflow.upkeep import Mirrors


def worker(
    root: Path,
    *,
    poll_interval_s: float,
    log: Callable[[str], None],
    tasks: Sequence[BackgroundTask] = (),
) -> Worker:
    """Return the worker of the project's mailbox.

    Raises:
        StateUnreadable: `config.toml` is damaged. The worker never grants more because of that.
    """
    host = bootstrap.ProjectHost(root)
    return Worker(
        bootstrap.mailbox_layout(root),
        Dispatcher(host),
        settings=_settings(host, poll_interval_s),
        log=log,
        tasks=(*background_tasks(host.project), *tasks),
        prepare=partial(_prepare, host.project, log),
    )


def _settings(host: bootstrap.ProjectHost, poll_interval_s: float) -> WorkerSettings:
    def reload() -> NewSettings:
        changes = config_changes.describe(*host.reload())
        return NewSettings(_settings(host, poll_interval_s), changes)

    return WorkerSettings(
        contract_version=CONTRACT_VERSION,
        orchestrators=orchestrators(host.access()),
        commands=frozenset(CONTRACT_COMMANDS),
        config_digest=host.config().digest,
        poll_interval_s=poll_interval_s,
        reload=reload,
    )


@contextmanager
def writing_metrics(
    root: Path, path: Path | None, *, log: Callable[[str], None]
) -> Iterator[tuple[BackgroundTask, ...]]:
    """Yield the task that writes metrics to the file, if one is given; write them once more after the block.

    Raises:
        UsageError: the collector would not read the file, or its folder is missing.
    """
    if path is None:
        yield ()
        return
    # Inside the function: few workers write metrics, and the library takes a while to load.
    from specify_cli.mailbox import metrics  # noqa: PLC0415

    layout = bootstrap.mailbox_layout(root)

    def write() -> float:
        facts = health_facts.collect(layout, lambda: bootstrap.read_config(root).digest)
        metrics_file.write(path, metrics.render(facts, health.problems(facts)))
        return metrics_file.INTERVAL_S

    metrics_file.require_usable(path)
    try:
        yield (BackgroundTask(name="writing metrics", run=write, again_s=metrics_file.INTERVAL_S),)
    finally:
        try:
            write()
        except SpecKittyError as error:
            log(f"metrics are not up to date: {error}")


def _prepare(project: Project, log: Callable[[str], None]) -> None:
    journal = Journal(bootstrap.mailbox_layout(project.root))
    try:
        journal.require_current()
        lost_heads.require_current(project)
        upkeep.update_logs(project, log)
        journal.publish()
    except SpecKittyError as error:
        log(str(error))


def background_tasks(project: Project) -> tuple[BackgroundTask, ...]:
    """Return the background tasks of a worker."""
    follower = LaneFollower(project=project)
    return (
        BackgroundTask(name="following workspaces", run=follower.look),
        BackgroundTask(name="following slow workspaces", run=follower.wait_for_slow),
        _mirror_task(project),
        BackgroundTask(
            name="indexing the journal",
            run=upkeep.Indexing(project=project).follow,
            again_s=upkeep.AN_HOUR_S,
        ),
        BackgroundTask(
            name="emptying the trash of workspaces",
            run=partial(upkeep.prune_trash, project),
            again_s=upkeep.AN_HOUR_S,
        ),
        BackgroundTask(
            name="pruning expired data",
            run=partial(upkeep.prune, project),
            again_s=upkeep.AN_HOUR_S,
        ),
    )


def mirror_upkeep(root: Path, *, log: Callable[[str], None]) -> BackgroundTasks:
    """Return the task that updates the project's mirrors without a worker."""
    return BackgroundTasks([_mirror_task(Project(root))], log=log)


def workspace_glances(root: Path) -> Mapping[str, object]:
    """Return a value for each workspace by name, which differs after the workspace changed.

    Raises:
        StorageFailed: the disk failed.
    """
    return workspace_index.glances(Project(root))


def _mirror_task(project: Project) -> BackgroundTask:
    return BackgroundTask(name="updating mirrors", run=Mirrors(project=project).follow)


def orchestrators(access: Access) -> tuple[Orchestrator, ...]:
    """Return the orchestrators that have a grant, with their limits."""
    return tuple(
        Orchestrator(
            identity=grant.identity,
            commands=grant.commands,
            owner_uid=grant.uid,
            **grant.quota._asdict(),
        )
        for grant in access.grants
    )
