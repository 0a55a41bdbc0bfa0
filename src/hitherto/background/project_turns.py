"""Turns of projects in one worker, so that no project holds up the others."""

from collections import Counter
from collections.abc import Iterable


class ProjectTurns:
    """Order in which a worker claims from projects.

    A project with fewer jobs in work comes first, then the one that was served longest ago.
    most_of_project: jobs of one project that may be in work at once in this worker.
    """

    def __init__(self, most_of_project: int) -> None:
        self._most_of_project = most_of_project
        self._in_work: Counter[str] = Counter()
        self._served: dict[str, int] = {}
        self._claims = 0

    def order(self, project_ids: Iterable[str]) -> list[str]:
        """Return the projects that may have one more job in work, in turn.

        project_ids: those with due jobs.
        """
        queued = sorted(project_ids)
        # Who has nothing in the queue has no turn to wait for, and comes first with the next job.
        self._served = {one: self._served[one] for one in queued if one in self._served}
        allowed = [one for one in queued if self._in_work[one] < self._most_of_project]
        return sorted(allowed, key=lambda one: (self._in_work[one], self._served.get(one, 0)))

    def begin(self, project_id: str) -> None:
        """Note that a job of a project is in work."""
        self._claims += 1
        self._in_work[project_id] += 1
        self._served[project_id] = self._claims

    def end(self, project_id: str) -> None:
        """Note that it is not in work any more."""
        self._in_work[project_id] -= 1
        if not self._in_work[project_id]:
            del self._in_work[project_id]
