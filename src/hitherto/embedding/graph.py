"""Builds the embedder's ONNX graph from the published weights. Only loaded when it is built.

The graph is BERT as published (Devlin et al. 2019, post-norm, exact GELU), followed by the mean
over the tokens and division by the length, so it maps token ids to a unit vector. It takes one
text at a time: no padding, hence no attention mask, and the scale by which int8 activations are
rounded depends on nothing but the text. Averaging over all positions is then the masked mean of
the published model.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import safetensors.numpy
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

from hitherto.embedding.weights import (
    DIMENSION,
    TOKENIZER_FILE,
    TOKENIZER_KEY,
    WEIGHTS_FILE,
    WeightsSource,
    read_verified,
)

LAYERS = 6
HEADS = 12
LAYER_NORM_EPSILON = 1e-12
"""From the published config.json, like DIMENSION."""

_OPSET = 17  # the first with LayerNormalization
_IR_VERSION = 8  # the one of that opset, read by every supported onnxruntime

Weights = Mapping[str, NDArray[np.float32]]


class _GraphBuilder:
    """Collects nodes and constants; each method adds to the graph and returns an output's name."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def linear(self, x: str, weights: str, output: str) -> str:
        kernel = self.constant(f"{weights}.weight", self._weights[f"{weights}.weight"].T)
        bias = self.constant(f"{weights}.bias", self._weights[f"{weights}.bias"])
        product = self.node("MatMul", [x, kernel], f"{output}.product")
        return self.node("Add", [product, bias], output)

    def norm(self, x: str, weights: str, output: str) -> str:
        scale = self.constant(f"{weights}.weight", self._weights[f"{weights}.weight"])
        bias = self.constant(f"{weights}.bias", self._weights[f"{weights}.bias"])
        return self.node(
            "LayerNormalization", [x, scale, bias], output, axis=-1, epsilon=LAYER_NORM_EPSILON
        )

    def embeddings(self) -> str:
        table = "embeddings."
        words = self.constant("words", self._weights[table + "word_embeddings.weight"])
        # Every token is of segment 0, so that segment's vector joins the positions once.
        positions = self.constant(
            "positions",
            self._weights[table + "position_embeddings.weight"]
            + self._weights[table + "token_type_embeddings.weight"][0],
        )
        first, second, third = (
            self.constant(f"index.{i}", np.array([i], np.int64)) for i in range(3)
        )
        length = self.node("Slice", [self.node("Shape", ["ids"], "shape"), second, third], "length")
        used = self.node("Slice", [positions, first, length, first], "positions.used")
        looked_up = self.node("Gather", [words, "ids"], "words.used")
        total = self.node("Add", [looked_up, used], "embedded")
        return self.norm(total, table + "LayerNorm", "layer.start")

    def attention(self, x: str, layer: str) -> str:
        weights = layer + "attention."

        def head(name: str, order: list[int]) -> str:
            flat = self.linear(x, f"{weights}self.{name}", layer + name)
            split = self.node("Reshape", [flat, "heads.split"], f"{layer}{name}.heads")
            return self.node("Transpose", [split], f"{layer}{name}.turned", perm=order)

        query, value = head("query", [0, 2, 1, 3]), head("value", [0, 2, 1, 3])
        key = head("key", [0, 2, 3, 1])
        scores = self.node("MatMul", [query, key], layer + "scores")
        scaled = self.node("Mul", [scores, "heads.scale"], layer + "scores.scaled")
        shares = self.node("Softmax", [scaled], layer + "shares", axis=-1)
        mixed = self.node("MatMul", [shares, value], layer + "mixed")
        turned = self.node("Transpose", [mixed], layer + "mixed.turned", perm=[0, 2, 1, 3])
        joined = self.node("Reshape", [turned, "heads.join"], layer + "mixed.joined")
        output = self.linear(joined, weights + "output.dense", layer + "attended")
        residual = self.node("Add", [output, x], layer + "attended.residual")
        return self.norm(residual, weights + "output.LayerNorm", layer + "attention.end")

    def feed_forward(self, x: str, layer: str) -> str:
        inner = self.linear(x, layer + "intermediate.dense", layer + "inner")
        # Written in the shape that onnxruntime fuses into one GELU: x * (1 + erf(x / √2)) * ½.
        ratio = self.node("Div", [inner, "gelu.root"], layer + "gelu.ratio")
        erf = self.node("Erf", [ratio], layer + "gelu.erf")
        raised = self.node("Add", [erf, "gelu.one"], layer + "gelu.raised")
        doubled = self.node("Mul", [inner, raised], layer + "gelu.doubled")
        active = self.node("Mul", [doubled, "gelu.half"], layer + "gelu")
        output = self.linear(active, layer + "output.dense", layer + "outer")
        residual = self.node("Add", [output, x], layer + "outer.residual")
        return self.norm(residual, layer + "output.LayerNorm", layer + "end")


def build_graph(weights: Weights) -> Any:
    """Builds the fp32 graph (an onnx.ModelProto).

    Input `ids`: int64 (1, tokens), at most 512 of them, with [CLS] and [SEP]. Output `embedding`:
    float32 (1, 384), unit length.
    """
    builder = _GraphBuilder(weights)
    size = DIMENSION // HEADS
    builder.constant("heads.split", np.array([0, 0, HEADS, size], np.int64))
    builder.constant("heads.join", np.array([0, 0, DIMENSION], np.int64))
    builder.constant("heads.scale", np.array(size**-0.5, np.float32))
    builder.constant("gelu.root", np.array(2**0.5, np.float32))
    builder.constant("gelu.one", np.array(1, np.float32))
    builder.constant("gelu.half", np.array(0.5, np.float32))
    x = builder.embeddings()
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}."
        x = builder.feed_forward(builder.attention(x, layer), layer)
    mean = builder.node("ReduceMean", [x], "mean", axes=[1], keepdims=0)
    length = builder.node("ReduceL2", [mean], "mean.length", axes=[1], keepdims=1)
    builder.node("Div", [mean, length], "embedding")
    graph = helper.make_graph(
        builder.nodes,
        "hitherto-embedder",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, DIMENSION])],
        builder.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    return model


def build_int8_graph(source: WeightsSource, weights_dir: Path, work_dir: Path) -> bytes:
    """Returns the serialised graph with int8 weights, whose activations are rounded as they arise.

    Each column of a matrix has its own scale: with one per matrix, the mean cosine to fp32 drops
    from 0.99 to 0.95. Weights keep 7 bits, so that no product overflows the 16-bit sums of
    processors without VNNI, and every processor computes the same integers; that costs 0.002.

    work_dir: an empty folder for intermediate files of 200 MB.

    Raises:
        EmbedderError: the weights or the tokenizer are not the published ones.
    """
    tokenizer = read_verified(source, weights_dir, TOKENIZER_FILE)
    fp32, int8 = work_dir / "fp32.onnx", work_dir / "int8.onnx"
    _save_fp32(read_verified(source, weights_dir, WEIGHTS_FILE), fp32)
    quantize_dynamic(fp32, int8, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)
    model = onnx.load_model(int8)
    helper.set_model_props(model, {TOKENIZER_KEY: tokenizer.decode()})
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _save_fp32(safetensors_file: bytes, path: Path) -> None:
    model = build_graph(safetensors.numpy.load(safetensors_file))
    # Marks the graph as ready to be quantised, which it is: there is nothing left to fold.
    helper.set_model_props(model, {"onnx.quant.pre_process": "onnxruntime.quant"})
    onnx.save_model(model, path)
