"""Client for the host of spec-kitty: a typed method for each command of the contract.

It imports only the standard library. It reaches the host through a mailbox, that is, two folders, or through
the command line, with the same methods:

    from spec_kitty_client import Client, Policy, connect

    client = Client(connect(".kitty"), policy=Policy.for_agent("claude", orchestrator_id="nightly"))
    for package in client.list_ready("034-search").ready_work_packages:
        job = client.start_implementation("034-search", package.wp_id, actor="nightly")
        print(job.workspace_path, job.prompt_path)

`AsyncClient` has the same methods for asyncio. A refusal is raised as `Refused`, by a subclass for each error
code, such as `WpAlreadyClaimed`. Names that are not in `__all__` are private.
"""

# `typing` and asyncio are slow to load, and the command line imports modules of this package at each call: what is
# named here is loaded at its first use. The annotation matters: editors that evaluate code (jedi) would take a plain False
# for the value, and complete none of these names.
TYPE_CHECKING: bool = False
if TYPE_CHECKING:
    from spec_kitty_client.change_replies import (
        AcceptMission,
        AppendHistory,
        Heartbeat,
        MarkSubtasks,
        MergeMission,
        ReleaseClaim,
        StartImplementation,
        StartReview,
        Transition,
    )
    from spec_kitty_client.client import (
        AsyncClient,
        Client,
        connect,
    )
    from spec_kitty_client.command_line import (
        CommandLine,
    )
    from spec_kitty_client.contract import (
        Command,
        EventKind,
        Guard,
        Lane,
        ReasonCode,
        Strategy,
        SubtaskStatus,
        Verdict,
    )
    from spec_kitty_client.exchange import (
        Retry,
        Transport,
    )
    from spec_kitty_client.history_replies import (
        Event,
        ListMissions,
        Mission,
        NotCheckedOut,
        PackageHistory,
        Review,
        ShowPrompt,
        Subtask,
    )
    from spec_kitty_client.ids import (
        new_correlation_id,
    )
    from spec_kitty_client.mailbox import (
        Mailbox,
    )
    from spec_kitty_client.options import (
        Evidence,
        ReviewResult,
    )
    from spec_kitty_client.policy import (
        Policy,
    )
    from spec_kitty_client.read_replies import (
        ContractVersion,
        ListReady,
        MissionState,
        ReadyWorkPackage,
        ResolveWorkspace,
        Subtasks,
        Summary,
        WorkPackage,
    )
    from spec_kitty_client.refusals import (
        ContractVersionMismatch,
        CorrelationIdConflict,
        DependenciesNotSatisfied,
        HostError,
        LaneAllocationFailed,
        MissionAmbiguous,
        MissionNotFound,
        MissionNotReady,
        NotAuthorized,
        PolicyMetadataRequired,
        PolicyValidationFailed,
        PreflightFailed,
        RequestExpired,
        RequestMalformed,
        RequestTooLarge,
        StateUnreadable,
        StorageFailed,
        TransitionRejected,
        UnsupportedStrategy,
        UsageError,
        WpAlreadyClaimed,
        WpNotFound,
    )
    from spec_kitty_client.refused import (
        Refused,
    )
    from spec_kitty_client.reply_parts import (
        CommitsNotIncluded,
        Conflict,
        Feedback,
        RefusedPath,
    )
    from spec_kitty_client.unanswered import (
        BadReplyError,
        ForbiddenReplyError,
        LostContactError,
        NotAnsweredError,
        NoWorkerError,
        QueuedError,
        TakenError,
        TransportError,
    )

__all__ = [
    "AcceptMission",
    "AppendHistory",
    "AsyncClient",
    "BadReplyError",
    "Client",
    "Command",
    "CommandLine",
    "CommitsNotIncluded",
    "Conflict",
    "ContractVersion",
    "ContractVersionMismatch",
    "CorrelationIdConflict",
    "DependenciesNotSatisfied",
    "Event",
    "EventKind",
    "Evidence",
    "Feedback",
    "ForbiddenReplyError",
    "Guard",
    "Heartbeat",
    "HostError",
    "Lane",
    "LaneAllocationFailed",
    "ListMissions",
    "ListReady",
    "LostContactError",
    "Mailbox",
    "MarkSubtasks",
    "MergeMission",
    "Mission",
    "MissionAmbiguous",
    "MissionNotFound",
    "MissionNotReady",
    "MissionState",
    "NoWorkerError",
    "NotAnsweredError",
    "NotAuthorized",
    "NotCheckedOut",
    "PackageHistory",
    "Policy",
    "PolicyMetadataRequired",
    "PolicyValidationFailed",
    "PreflightFailed",
    "QueuedError",
    "ReadyWorkPackage",
    "ReasonCode",
    "Refused",
    "RefusedPath",
    "ReleaseClaim",
    "RequestExpired",
    "RequestMalformed",
    "RequestTooLarge",
    "ResolveWorkspace",
    "Retry",
    "Review",
    "ReviewResult",
    "ShowPrompt",
    "StartImplementation",
    "StartReview",
    "StateUnreadable",
    "StorageFailed",
    "Strategy",
    "Subtask",
    "SubtaskStatus",
    "Subtasks",
    "Summary",
    "TakenError",
    "Transition",
    "TransitionRejected",
    "Transport",
    "TransportError",
    "UnsupportedStrategy",
    "UsageError",
    "Verdict",
    "WorkPackage",
    "WpAlreadyClaimed",
    "WpNotFound",
    "connect",
    "new_correlation_id",
]


def __getattr__(name: str) -> object:
    """Load a public name at its first use."""
    if name in __all__:
        from spec_kitty_client import (
            change_replies,
            client,
            contract,
            history_replies,
            options,
            read_replies,
            refusals,
            reply_parts,
            unanswered,
        )

        modules = (
            client,
            options,
            contract,
            read_replies,
            history_replies,
            change_replies,
            reply_parts,
            refusals,
            unanswered,
        )
        for module in modules:
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
