"""Measures a memory on a set of real conversations, through the public client only."""

from hitherto.evaluation.report import as_json, notes, tables
from hitherto.evaluation.runner import Evaluation, Options, run_evaluation

__all__ = ["Evaluation", "Options", "as_json", "notes", "run_evaluation", "tables"]
