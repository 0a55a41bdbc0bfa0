"""A reconciliation plan with the content, vector and date of each decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from hitherto.core.reconciliation.reconcile import Plan


@dataclass(frozen=True, slots=True)
class DatedPlan:
    """A plan with the candidate's content, vector and date for each of its decisions.

    vectors: (decisions, dimension). said_at: date of the session, or of the answers.
    retired: memories to expire without a successor.
    """

    plan: Plan
    contents: Sequence[str]
    vectors: NDArray[np.float32]
    said_at: Sequence[datetime]
    retired: Sequence[str] = ()
