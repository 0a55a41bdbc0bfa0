"""Tasks of language models, one module each."""

from enum import StrEnum

__all__ = ["Task"]


class Task(StrEnum):
    """Purpose of a model request; each task may have its own model."""

    EXTRACTION = "extraction"
    RECONCILIATION = "reconciliation"
    PLANNING = "planning"
    EXPLORING = "exploring"
