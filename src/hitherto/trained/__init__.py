"""Trained weights that ship with the package; `evals/*_train.py` make them."""

import hashlib
import io
from functools import cache
from importlib.resources import files

import numpy as np

from hitherto.core.safety.classifier import SEGMENT_SLOTS, Classifier
from hitherto.core.statements.learned import StatementModel
from hitherto.errors import InternalServerError
from hitherto.trained.hashes import PROVENANCE_SHA256, STATEMENTS_SHA256

PROVENANCE_FILE = "provenance.npy"
STATEMENT_FILE = "statements.onnx"


@cache
def provenance_classifier() -> Classifier:
    """Return the classifier of provenance. Read once; InternalServerError for other weights."""
    content = _read_verified(PROVENANCE_FILE, PROVENANCE_SHA256)
    weights = np.load(io.BytesIO(content), allow_pickle=False).astype(np.float32)
    return Classifier(weights[: SEGMENT_SLOTS + 1], weights[SEGMENT_SLOTS + 1 :])


@cache
def statement_model() -> StatementModel:
    """Return the statement model; loaded once, in 0.8 s. Raises what `statement_graph` does."""
    # onnxruntime takes 0.3 s to import, and not every process needs it.
    from hitherto.trained.onnx_statement_model import OnnxStatementModel  # noqa: PLC0415

    return OnnxStatementModel(statement_graph())


def statement_graph() -> bytes:
    """Return the graph of the statement model. Raises InternalServerError for another one."""
    return _read_verified(STATEMENT_FILE, STATEMENTS_SHA256)


def _read_verified(name: str, expected: str) -> bytes:
    content = files("hitherto.trained").joinpath(name).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise InternalServerError(
            f"the weights in {name} have the SHA-256 {digest}, and this release has "
            f"{expected}; install the package again"
        )
    return content
