"""Turns of projects in one worker, so that no project holds up the others."""

from collections import Counter
from collections.abc import Iterable


class ProjectTurns:
    """Order in which a worker claims from projects.

    A project with fewer jobs in work comes first, then the one that was served longest ago.
    max_jobs: jobs of one project that may be in work at once in this worker.
    """

    def __init__(self, max_jobs: int) -> None:
        self._max_jobs = max_jobs
        self._in_work: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._claims = 0

    def order(self, project_ids: Iterable[str]) -> list[str]:
        """Return the projects that may have one more job in work, in turn.

        project_ids: those with due jobs.
        """
        queued = sorted(project_ids)
        # A project without due jobs loses its place, so its next job comes first.
        self._served = {
            project_id: self._served[project_id]
            for project_id in queued
            if project_id in self._served
        }
        allowed = [
            project_id for project_id in queued if self._in_work[project_id] < self._max_jobs
        ]
        return sorted(
            allowed,
            key=lambda project_id: (self._in_work[project_id], self._served.get(project_id, 0)),
        )

    def begin(self, project_id: str) -> None:
        """Record that a job of a project is in work."""
        self._claims += 1
        self._in_work[project_id] += 1
        self._served[project_id] = self._claims

    def end(self, project_id: str) -> None:
        """Record that a job of a project has ended."""
        self._in_work[project_id] -= 1
        if not self._in_work[project_id]:
            del self._in_work[project_id]
