"""Boosted trees as plain arrays: grown by scikit-learn, kept, checked and scored here.

A forest is stored as arrays of numbers with a version and a checksum, never as a pickled object, so that it can be
read without running anybody's code and scores the same for as long as this module stands.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from detectors.base import BoolArray, FloatArray, IntArray
from detectors.kernels import compiled

FORMAT: Final = 1
_Nodes = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Forest:
    """N nodes of all trees, one after the other; a leaf is its own child. Arrays are (N,) except ``roots``."""

    feature: NDArray[np.int32]
    threshold: FloatArray  # a row goes left where its figure is no larger
    missing_left: BoolArray
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: FloatArray  # of a leaf: what it adds; of another node: the mean of the leaves below, by rows
    roots: IntArray  # (trees,)
    base: FloatArray  # (1,) log-odds before any tree

    def score(self, rows: NDArray[np.float32]) -> FloatArray:
        """(R,) log-odds of rows (F, R), features first; NaN is a figure that is not known."""
        out = np.full(rows.shape[1], self.base[0])
        _score(self._nodes, self.roots, rows, out)
        return out

    def contributions(self, rows: NDArray[np.float32]) -> FloatArray:
        """(F, R) what each feature adds to the log-odds: the change of the mean at every split on it (Saabas 2014).

        Together with the mean of the forest they sum to the score.
        """
        out = np.zeros(rows.shape)
        _contribute(self._nodes, self.roots, rows, out)
        return out

    @property
    def _nodes(self) -> _Nodes:
        return self.feature, self.threshold, self.missing_left, self.left, self.right, self.value

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        return {f"{prefix}{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, arrays: Any, prefix: str) -> Self:
        return cls(**{field.name: arrays[f"{prefix}{field.name}"] for field in fields(cls)})


@compiled
def _child(nodes: _Nodes, node: int, rows: NDArray[np.float32], r: int) -> int:
    feature, threshold, missing_left, left, right, _ = nodes
    x = rows[feature[node], r]
    if x != x:
        return int(left[node] if missing_left[node] else right[node])
    return int(left[node] if x <= threshold[node] else right[node])


@compiled
def _score(nodes: _Nodes, roots: IntArray, rows: NDArray[np.float32], out: FloatArray) -> None:
    left, value = nodes[3], nodes[5]
    for r in range(rows.shape[1]):
        for root in roots:
            node = root
            while left[node] != node:
                node = _child(nodes, node, rows, r)
            out[r] += value[node]


@compiled
def _contribute(nodes: _Nodes, roots: IntArray, rows: NDArray[np.float32], out: FloatArray) -> None:
    feature, left, value = nodes[0], nodes[3], nodes[5]
    for r in range(rows.shape[1]):
        for root in roots:
            node = root
            while left[node] != node:
                child = _child(nodes, node, rows, r)
                out[feature[node], r] += value[child] - value[node]
                node = child


def of_models(models: Sequence[Any]) -> Forest:
    """The mean of fitted HistGradientBoostingClassifiers of two classes."""
    grown = [tree.nodes for model in models for (tree,) in model._predictors]
    sizes = np.array([len(nodes) for nodes in grown])
    roots = np.cumsum(sizes) - sizes
    nodes = np.concatenate(grown)
    leaf, root = nodes["is_leaf"].astype(bool), np.repeat(roots, sizes)
    own = np.arange(len(nodes))
    return Forest(
        feature=np.where(leaf, 0, nodes["feature_idx"]).astype(np.int32),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(bool),
        left=np.where(leaf, own, root + nodes["left"]).astype(np.int32),
        right=np.where(leaf, own, root + nodes["right"]).astype(np.int32),
        value=np.concatenate([_means(tree) for tree in grown]) / len(models),
        roots=roots.astype(np.int64),
        base=np.array([np.mean([float(model._baseline_prediction.item()) for model in models])]),
    )


def _means(nodes: NDArray[Any]) -> FloatArray:
    """The value of each node of a tree: that of a leaf, and the mean of what lies below it for others."""
    leaf = nodes["is_leaf"].astype(bool)
    value: FloatArray = np.where(leaf, nodes["value"], 0.0).astype(np.float64)
    for node in np.flatnonzero(~leaf)[::-1]:  # children stand after their parents
        left, right = nodes["left"][node], nodes["right"][node]
        of_left, of_right = float(nodes["count"][left]), float(nodes["count"][right])
        value[node] = (of_left * value[left] + of_right * value[right]) / (of_left + of_right)
    return value


def packed(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Arrays → bytes, the same for the same arrays."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **{"format": np.array([FORMAT]), **arrays})
    return out.getvalue()


def checksum(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()
