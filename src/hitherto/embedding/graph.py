"""Builds the embedder's ONNX graph from the published weights. Only loaded when it is built.

The graph is BERT as published (Devlin et al. 2019, post-norm, exact GELU), followed by the mean
over the tokens and division by the length, so it maps token ids to a unit vector. It takes one
text at a time: no padding, hence no attention mask, and the scale by which int8 activations are
rounded depends on nothing but the text. Averaging over all positions is then the masked mean of
the published model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference

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


class GraphBuilder:
    """Collects nodes and constants; each method adds to the graph and returns an output's name."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._rounded: set[str] = set()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant, and return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(value, order="C"), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add an operator with one output, and return that output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        return output

    def linear(self, x: str, weights: str, output: str) -> str:
        """Add a product with named weights and their bias."""
        kernel = self._weights[f"{weights}.weight"].T
        product = self.product(x, kernel, f"{weights}.weight", f"{output}.product")
        bias = self.constant(f"{weights}.bias", self._weights[f"{weights}.bias"])
        return self.node("Add", [product, bias], output)

    def product(self, x: str, kernel: NDArray[np.float32], name: str, output: str) -> str:
        """Add the product of a value and a matrix."""
        return self.node("MatMul", [x, self.constant(name, kernel)], output)

    def rows(self, table: NDArray[np.float32], ids: str, output: str) -> str:
        """Add the look-up of rows of a table."""
        return self.node("Gather", [self.constant("words", table), ids], output)

    def norm(self, x: str, weights: str, output: str) -> str:
        """Add a layer normalisation with named weights."""
        scale = self.constant(f"{weights}.weight", self._weights[f"{weights}.weight"])
        bias = self.constant(f"{weights}.bias", self._weights[f"{weights}.bias"])
        return self.node(
            "LayerNormalization", [x, scale, bias], output, axis=-1, epsilon=LAYER_NORM_EPSILON
        )

    def embeddings(self) -> str:
        """Add the sum of word, position and segment vectors, normalised."""
        table = "embeddings."
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
        looked_up = self.rows(self._weights[table + "word_embeddings.weight"], "ids", "words.used")
        total = self.node("Add", [looked_up, used], "embedded")
        return self.norm(total, table + "LayerNorm", "layer.start")

    def attention(self, x: str, layer: str) -> str:
        """Add the attention of a layer, with its residual."""
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
        merged_heads = self.node("Reshape", [turned, "heads.join"], layer + "mixed.joined")
        output = self.linear(merged_heads, weights + "output.dense", layer + "attended")
        residual = self.node("Add", [output, x], layer + "attended.residual")
        return self.norm(residual, weights + "output.LayerNorm", layer + "attention.end")

    def feed_forward(self, x: str, layer: str) -> str:
        """Add the feed-forward part of a layer, with its residual."""
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


class Int8GraphBuilder(GraphBuilder):
    """Builder of the graph with int8 weights; inputs of products are rounded to 8 bits.

    Each column of a matrix has its own scale: with one per matrix, the mean cosine to fp32 drops
    from 0.99 to 0.95. Weights keep 7 bits, so that no product overflows the 16-bit sums of
    processors without VNNI, and every processor computes the same integers; that costs 0.002.

    onnxruntime fuses these nodes into one product. Its own quantiser returns the same numbers, but
    writes 200 MB to the folder for temporary files and reads the machine's hardware address.
    """

    def product(self, x: str, kernel: NDArray[np.float32], name: str, output: str) -> str:
        """Add the product of a value and a matrix."""
        rounded, scales = round_columns(kernel)
        self.constant(f"{name}.int8", rounded)
        self.constant(f"{name}.scale", scales)
        self.constant(f"{name}.zero", np.zeros(scales.size, np.int8))
        self._round(x)
        factors = self.node("Mul", [f"{x}.scale", f"{name}.scale"], f"{output}.scale")
        integers = self.node(
            "MatMulInteger",
            [f"{x}.uint8", f"{name}.int8", f"{x}.zero", f"{name}.zero"],
            f"{output}.integers",
        )
        sums = self.node("Cast", [integers], f"{output}.sums", to=TensorProto.FLOAT)
        return self.node("Mul", [sums, factors], output)

    def rows(self, table: NDArray[np.float32], ids: str, output: str) -> str:
        """Add the look-up of rows of a table."""
        rounded, scale, zero = round_table(table)
        self.constant("words.uint8", rounded)
        self.constant("words.scale", scale)
        self.constant("words.zero", zero)
        gathered = self.node("Gather", ["words.uint8", ids], f"{output}.uint8")
        return self.node("DequantizeLinear", [gathered, "words.scale", "words.zero"], output)

    def _round(self, x: str) -> None:
        """Add the node that rounds a value, once for all products that read it."""
        if x not in self._rounded:
            self._rounded.add(x)
            outputs = [f"{x}.uint8", f"{x}.scale", f"{x}.zero"]
            self.nodes.append(helper.make_node("DynamicQuantizeLinear", [x], outputs))


def round_columns(matrix: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return a matrix as integers from -64 to 64, and the scale of each column."""
    scales = np.abs(matrix).max(axis=0) / np.float32(64)
    # A column of zeros stays zero with any scale.
    scales[scales < np.finfo(np.float32).tiny] = 1
    return np.round(matrix / scales).astype(np.int8), scales


def round_table(
    table: NDArray[np.float32],
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Return a table as integers from 0 to 255, their scale, and the integer of zero."""
    least, most = np.float64(min(table.min(), 0)), np.float64(max(table.max(), 0))
    step = (most - least) / 255 or np.float64(1)
    scale, zero = np.float32(step), np.uint8(np.round(-least / step))
    rounded = np.clip(np.round(table / scale) + np.float32(zero), 0, 255)
    return rounded.astype(np.uint8), np.array(scale), np.array(zero)


def build_graph(weights: Weights) -> Any:
    """Build the fp32 graph (an onnx.ModelProto).

    Input `ids`: int64 (1, tokens), at most 512 of them, with [CLS] and [SEP]. Output `embedding`:
    float32 (1, 384), unit length.
    """
    return _embedder(GraphBuilder(weights))


def encode(builder: GraphBuilder, layers: int) -> str:
    """Add the encoder to a graph, and return the name of its output: (1, tokens, 384)."""
    size = DIMENSION // HEADS
    builder.constant("heads.split", np.array([0, 0, HEADS, size], np.int64))
    builder.constant("heads.join", np.array([0, 0, DIMENSION], np.int64))
    builder.constant("heads.scale", np.array([size**-0.5], np.float32))
    builder.constant("gelu.root", np.array([2**0.5], np.float32))
    builder.constant("gelu.one", np.array([1], np.float32))
    builder.constant("gelu.half", np.array([0.5], np.float32))
    x = builder.embeddings()
    for number in range(layers):
        layer = f"encoder.layer.{number}."
        x = builder.feed_forward(builder.attention(x, layer), layer)
    return x


def model_of(builder: GraphBuilder, name: str, outputs: Sequence[Any]) -> Any:
    """Return the finished model (an onnx.ModelProto) with these outputs."""
    graph = helper.make_graph(
        builder.nodes,
        f"hitherto-{name}",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "tokens"])],
        list(outputs),
        builder.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)])
    model.ir_version = _IR_VERSION
    return model


def _embedder(builder: GraphBuilder) -> Any:
    mean = builder.node("ReduceMean", [encode(builder, LAYERS)], "mean", axes=[1], keepdims=0)
    length = builder.node("ReduceL2", [mean], "mean.length", axes=[1], keepdims=1)
    builder.node("Div", [mean, length], "embedding")
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [1, DIMENSION])
    return model_of(builder, "embedder", [embedding])


def build_int8_graph(source: WeightsSource, weights_dir: Path) -> bytes:
    """Return the serialised int8 graph, with its tokenizer in the metadata.

    Raises:
        EmbedderError: the weights or the tokenizer are not the published ones.
    """
    tokenizer = read_verified(source, weights_dir, TOKENIZER_FILE)
    weights = safetensors.numpy.load(read_verified(source, weights_dir, WEIGHTS_FILE))
    # With the shapes of all values, onnxruntime fuses each residual into the norm behind it.
    model = shape_inference.infer_shapes(_embedder(Int8GraphBuilder(weights)))
    helper.set_model_props(model, {TOKENIZER_KEY: tokenizer.decode()})
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised
