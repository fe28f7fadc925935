"""What of a request is recorded already."""

from __future__ import annotations

from dataclasses import dataclass

from specify_cli.errors import CorrelationIdConflict, SpecKittyError, StorageFailed
from specify_cli.storage.mission_files import MissionFiles
from specify_cli.storage.project import Project
from specify_cli.workflow.context import Effects, RequestContext
from specify_cli.workflow.request_intents import begun_by


@dataclass(frozen=True, slots=True)
class Recording:
    """Looks at what requests have left behind; nothing here writes."""

    project: Project

    def has_begun(self, slug: str, cause: RequestContext) -> bool:
        """True when the request had effects on the mission before it was interrupted.

        Raises: CorrelationIdConflict when another request under the same id had; StorageFailed.
        """
        try:
            files = MissionFiles(self.project, slug)
            recorded = files.log.read().caused_by(cause.correlation_id, cause.identity)
            if cause._replace(effects=Effects()).claim(recorded):
                return True
            return begun_by(self.project, cause) is not None
        except (CorrelationIdConflict, StorageFailed):
            raise
        except SpecKittyError:  # What cannot be seen was not begun; nobody is told why.
            return False
