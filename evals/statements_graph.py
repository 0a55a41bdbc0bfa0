"""Build the int8 graph of the statement model from trained weights.

The encoder is BERT as in `hitherto.embedding.graph`, with fewer layers, words looked up by row
scales, and linear scores of each token in place of one vector for the text.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper, shape_inference

from hitherto.embedding import graph
from hitherto.embedding.weights import TOKENIZER_KEY

Weights = Mapping[str, NDArray[np.float32]]


class _StatementGraphBuilder(graph.Int8GraphBuilder):
    """Builder whose word table has a scale for each row."""

    def rows(self, table: NDArray[np.float32], ids: str, output: str) -> str:
        scales = np.maximum(np.abs(table).max(axis=1, keepdims=True) / 127, 1e-8)
        self.constant("words.int8", np.round(table / scales).astype(np.int8))
        self.constant("words.scales", scales.astype(np.float32))
        rounded = self.node("Gather", ["words.int8", ids], f"{output}.int8")
        factors = self.node("Gather", ["words.scales", ids], f"{output}.scales")
        numbers = self.node("Cast", [rounded], f"{output}.numbers", to=TensorProto.FLOAT)
        return self.node("Mul", [numbers, factors], output)


def build(weights: Weights, layers: int, tokenizer: str) -> bytes:
    """Return the serialised graph.

    Input `ids`: int64 (1, tokens), at most 512. Outputs `scores`: float32 (1, tokens,
    `TOKEN_SCORES`), and `relation`: float32 (1, 6), logits of the mean of all tokens.
    weights: named as in the published BERT, and `scores.weight` (384, columns), `scores.bias`,
    `relation.weight` (384, 6), `relation.bias`.
    """
    builder = _StatementGraphBuilder(weights)
    x = graph.encode(builder, layers)
    plain = graph.GraphBuilder.product
    scores = plain(builder, x, weights["scores.weight"], "scores.weight", "scores.product")
    builder.constant("scores.bias", weights["scores.bias"])
    builder.node("Add", [scores, "scores.bias"], "scores")
    mean = builder.node("ReduceMean", [x], "mean", axes=[1], keepdims=0)
    relation = plain(
        builder, mean, weights["relation.weight"], "relation.weight", "relation.product"
    )
    builder.constant("relation.bias", weights["relation.bias"])
    builder.node("Add", [relation, "relation.bias"], "relation")
    outputs = [
        helper.make_tensor_value_info(
            "scores", TensorProto.FLOAT, [1, "tokens", weights["scores.bias"].size]
        ),
        helper.make_tensor_value_info(
            "relation", TensorProto.FLOAT, [1, weights["relation.bias"].size]
        ),
    ]
    model: Any = shape_inference.infer_shapes(graph.model_of(builder, "statements", outputs))
    helper.set_model_props(model, {TOKENIZER_KEY: tokenizer})
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
