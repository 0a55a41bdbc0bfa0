"""An independent forward pass of BERT in numpy, to hold the ONNX graph against.

It is written from the paper's formulas, in float64, over a padded batch with a mask: another route
to the same vectors than the graph's.
"""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def embed(
    weights: Mapping[str, NDArray[np.float32]], ids: NDArray[np.int64], mask: NDArray[np.int64]
) -> Array:
    """Returns unit vectors, shape (batch, 384), for padded ids and their mask (batch, tokens)."""
    tensors = {name: value.astype(np.float64) for name, value in weights.items()}
    x = (
        tensors["embeddings.word_embeddings.weight"][ids]
        + tensors["embeddings.position_embeddings.weight"][: ids.shape[1]]
        + tensors["embeddings.token_type_embeddings.weight"][0]
    )
    x = _norm(tensors, "embeddings.LayerNorm", x)
    hidden = np.where(mask[:, None, None, :] == 1, 0.0, -np.inf)
    for number in range(6):
        layer = f"encoder.layer.{number}."
        attended = _attention(tensors, layer + "attention.self.", x, hidden)
        attended = _linear(tensors, layer + "attention.output.dense", attended)
        x = _norm(tensors, layer + "attention.output.LayerNorm", x + attended)
        inner = _gelu(_linear(tensors, layer + "intermediate.dense", x))
        outer = _linear(tensors, layer + "output.dense", inner)
        x = _norm(tensors, layer + "output.LayerNorm", x + outer)
    share = mask[:, :, None] / mask.sum(axis=1)[:, None, None]
    mean = (x * share).sum(axis=1)
    unit: Array = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return unit


def _linear(tensors: Mapping[str, Array], name: str, x: Array) -> Array:
    product: Array = np.einsum("btj,ij->bti", x, tensors[f"{name}.weight"])
    return product + tensors[f"{name}.bias"]


def _norm(tensors: Mapping[str, Array], name: str, x: Array) -> Array:
    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
    scaled: Array = centred / spread * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]
    return scaled


def _gelu(x: Array) -> Array:
    share: Array = np.vectorize(lambda value: 0.5 * (1 + math.erf(value / math.sqrt(2))))(x)
    return x * share


def _attention(tensors: Mapping[str, Array], name: str, x: Array, hidden: Array) -> Array:
    heads = [
        _linear(tensors, name + part, x).reshape(*x.shape[:2], 12, 32)
        for part in ("query", "key", "value")
    ]
    query, key, value = heads
    scores = np.einsum("bqhd,bkhd->bhqk", query, key) / math.sqrt(32) + hidden
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    mixed: Array = np.einsum("bhqk,bkhd->bqhd", shares, value).reshape(x.shape)
    return mixed
