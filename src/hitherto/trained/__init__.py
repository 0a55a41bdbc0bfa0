"""Trained weights that ship with the package. `evals/provenance_train.py` makes them."""

import hashlib
import io
from functools import cache
from importlib.resources import files

import numpy as np

from hitherto.core.safety.classifier import SEGMENT_SLOTS, Classifier
from hitherto.errors import InternalServerError
from hitherto.trained.hashes import PROVENANCE_SHA256

PROVENANCE_FILE = "provenance.npy"


@cache
def provenance_classifier() -> Classifier:
    """Return the classifier of provenance. Read once; InternalServerError for other weights."""
    content = files("hitherto.trained").joinpath(PROVENANCE_FILE).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != PROVENANCE_SHA256:
        raise InternalServerError(
            f"the weights in {PROVENANCE_FILE} have the SHA-256 {digest}, and this release has "
            f"{PROVENANCE_SHA256}; install the package again"
        )
    weights = np.load(io.BytesIO(content), allow_pickle=False).astype(np.float32)
    return Classifier(weights[: SEGMENT_SLOTS + 1], weights[SEGMENT_SLOTS + 1 :])
