"""TfIdfVectorizer: how often rows of numbers that a list names occur in sequences."""

from __future__ import annotations

import numpy

from baryon import np
from baryon.array import ndarray
from baryon.importers.onnx.arrays import by_arrays
from baryon.importers.onnx.node import Node, OnnxOp
from baryon.ir import Array


def _tf_idf(node: Node, x: ndarray) -> ndarray:
    if node.ints("pool_strings"):
        raise node.unsupported("pool_strings", "give the numbers of words as pool_int64s")
    pool, starts = numpy.asarray(node.ints("pool_int64s")), node.ints("ngram_counts")
    least, most = node.attr("min_gram_length", 1), node.attr("max_gram_length", 1)
    skips = node.attr("max_skip_count", 0)
    columns = node.ints("ngram_indexes")
    rows = x if x.ndim == 2 else np.expand_dims(x, axis=0)
    counts = []
    for length, (start, end) in enumerate(zip(starts, (*starts[1:], pool.size), strict=True), 1):
        grams = pool[start:end].reshape(-1, length)
        if least <= length <= most:
            counts.append(_occurrences(node, rows, grams, skips))
        else:
            counts.append(_none(rows, len(grams)))
    found = _weighted(node, np.concatenate(counts, axis=1))
    y = _placed(found, columns)
    return y if x.ndim == 2 else np.squeeze(y, axis=0)


def _none(rows: ndarray, count: int) -> ndarray:
    """(rows, count) zeros."""
    return rows[:, :1].astype("float32") * np.zeros((1, count), dtype="float32")


def _occurrences(node: Node, rows: ndarray, grams: Array, skips: int) -> ndarray:
    """How often each gram is in each row, with up to `skips` elements left out between two."""
    size, length = node.number(rows.shape[1], "the length of sequences"), grams.shape[1]
    total = _none(rows, len(grams))
    for step in range(1, skips + 2 if length > 1 else 2):
        places = size - (length - 1) * step
        if places < 1:
            break
        hits = None
        for number in range(length):
            seen = np.expand_dims(rows[:, number * step : number * step + places], axis=-1)
            same = np.equal(seen, np.array(grams[:, number], dtype=rows.dtype))
            hits = same if hits is None else np.logical_and(hits, same)
        assert hits is not None
        total = total + np.sum(hits.astype("float32"), axis=1)
    return total


def _weighted(node: Node, counts: ndarray) -> ndarray:
    mode = node.attr("mode", "TF")
    weights = numpy.asarray(node.attr("weights", (1.0,) * int(str(counts.shape[1]))))
    if mode == "TF":
        return counts
    if mode not in ("IDF", "TFIDF"):
        raise node.unsupported(f"mode={mode!r}")
    counts = counts if mode == "TFIDF" else (counts > 0).astype("float32")
    return counts * np.array(weights, dtype="float32")


def _placed(counts: ndarray, columns: tuple[int, ...]) -> ndarray:
    """Each gram's column at its place in the result."""
    place = numpy.zeros((len(columns), max(columns, default=-1) + 1), numpy.float32)
    place[numpy.arange(len(columns)), columns] = 1
    return np.matmul(counts, np.array(place))


OPS = (OnnxOp("TfIdfVectorizer", by_arrays(_tf_idf), since=9),)
