"""What language models do for us: one module per task, and the names of the tasks."""

from enum import StrEnum

__all__ = ["Task"]


class Task(StrEnum):
    """What a request to a model is for; each task may have a model of its own."""

    EXTRACTION = "extraction"
    RECONCILIATION = "reconciliation"
    PLANNING = "planning"
    EXPLORING = "exploring"
