"""Calibration of an embedder: recorded, or measured on fixed sentences."""

import numpy as np

from hitherto.core.recall import calibration
from hitherto.core.recall.calibration import Calibration
from hitherto.embedding.embedder import (
    Embedder,
)
from hitherto.errors import EmbeddingRefusedError


def calibration_of(embedder: Embedder) -> Calibration:
    """Return an embedder's calibration: recorded, or measured on fixed sentences.

    Raises EmbedderError if it does not answer, or gives paraphrases no higher similarity.
    """
    recorded = embedder.identity.calibration
    if recorded is not None:
        return recorded
    vectors = np.asarray(embedder.embed(calibration.probe_texts()), np.float32)
    measured = calibration.match_spreads(
        calibration.probe_spread(vectors), calibration.PROBE_SPREAD
    )
    if measured is None:
        raise EmbeddingRefusedError(
            f"the embedder {embedder.identity} gives sentences of the same meaning no higher "
            "similarity than others; use another model"
        )
    return measured
