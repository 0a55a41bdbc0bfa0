"""A reconciliation plan with what carrying it out needs of each decision."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from hitherto.core.reconciliation.reconcile import Plan


@dataclass(frozen=True, slots=True)
class DatedPlan:
    """A plan and, for each of its decisions, the candidate's content, its vector and its date.

    vectors: (decisions, dimension). said_at: when the session was, or the answers were given.
    retired: memories that are not true and that nothing takes the place of.
    """

    plan: Plan
    contents: Sequence[str]
    vectors: NDArray[np.float32]
    said_at: Sequence[datetime]
    retired: Sequence[str] = ()
