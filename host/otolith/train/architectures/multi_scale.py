"""Parallel depthwise convolutions of several lengths in training, merged into one for inference.

Convolution is linear. So the centred kernels add up to a single kernel of the greatest length, and
the batch norms add up to a single bias. At inference, the network is no larger and no slower than
one with only the longest convolution.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np


def multi_scale(x: Any, scales: tuple[int, ...], stride: int) -> Any:
    """Adds up parallel depthwise convolutions along time, each with its own batch norm.

    Args:
        x: Keras tensor of shape (batch, frames, 1, channels).
        scales: Length of each convolution in frames, odd.
        stride: Stride along time.

    Returns:
        Keras tensor of the sum.
    """
    from tf_keras import layers

    def branch(steps: int) -> Any:
        y = layers.DepthwiseConv2D((steps, 1), strides=stride, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(y)

    return layers.Add()([branch(steps) for steps in scales])


def for_inference(model: Any) -> Any:
    """Replaces every sum of depthwise convolutions by one convolution, also in nested models.

    Args:
        model: A trained tf_keras Model.

    Returns:
        The new model. Layers keep their names, and the new batch norm gets the name of the sum.
        A model without such sums is returned unchanged.
    """
    config = copy.deepcopy(model.get_config())
    weights: dict[str, list[np.ndarray]] = {}
    if not _rewrite(config, model, weights):
        return model
    twin = type(model).from_config(config)
    _copy(model, twin, weights)
    return twin


def _copy(old, new, weights: dict[str, list[np.ndarray]]) -> None:
    for layer in new.layers:
        if layer.name in weights:
            layer.set_weights(weights[layer.name])
        elif hasattr(layer, "layers"):
            _copy(old.get_layer(layer.name), layer, weights)
        elif layer.weights:
            layer.set_weights(old.get_layer(layer.name).get_weights())


def _rewrite(config: dict, model, weights: dict[str, list[np.ndarray]]) -> bool:
    """Edits `config`, adds the new layers' `weights`, and returns whether anything changed."""
    done = False
    for entry in config["layers"]:
        if "layers" in entry["config"]:
            done |= _rewrite(entry["config"], model.get_layer(entry["config"]["name"]), weights)
    if any("inbound_nodes" not in entry for entry in config["layers"]):
        return done  # a Sequential model has no branches
    entries = {entry["name"]: entry for entry in config["layers"]}
    outputs = [output[0] for output in config["output_layers"]]
    for total in [e for e in config["layers"] if e["class_name"] == "Add"]:
        branches = _branches(total, entries, outputs)
        if not branches:
            continue
        conv, norm = max(branches, key=lambda b: _length(b[0]))
        norm = dict(norm, name=total["name"], config=dict(norm["config"], name=total["name"]))
        kernel, bias = _sum(branches, model, conv["config"]["kernel_size"])
        weights[conv["name"]] = [kernel]
        one, none = np.ones_like(bias), np.zeros_like(bias)
        mine = {"gamma": one, "beta": bias, "mean": none, "variance": one - _epsilon(norm)}
        weights[total["name"]] = [mine[key] for key in _parts(norm)]
        gone = {part["name"] for pair in branches for part in pair} | {total["name"]}
        place = config["layers"].index(total)
        config["layers"][place:place] = [conv, norm]
        config["layers"] = [
            e for e in config["layers"] if e is conv or e is norm or e["name"] not in gone
        ]
        done = True
    return done


def _branches(total: dict, entries: dict[str, dict], outputs: list[str]) -> list[tuple]:
    """The (convolution, batch norm) pairs that `total` adds. Empty if it adds anything else."""
    readers: dict[str, int] = {}
    for entry in entries.values():
        for node in entry["inbound_nodes"]:
            for source in node:
                readers[source[0]] = readers.get(source[0], 0) + 1
    pairs, alike = [], set()
    for name in _sources(total):
        norm = entries[name]
        conv = entries[(_sources(norm) or [name])[0]]
        if (norm["class_name"], conv["class_name"]) != ("BatchNormalization", "DepthwiseConv2D"):
            return []
        c = conv["config"]
        lone = all(readers[n] == 1 and n not in outputs for n in (name, conv["name"]))
        plain = c["activation"] == "linear" and not c["use_bias"] and c["depth_multiplier"] == 1
        if not (lone and plain and c["padding"] == "same" and _length(conv) % 2):
            return []
        if c["kernel_size"][1] != 1 or tuple(c["dilation_rate"]) != (1, 1):
            return []
        alike.add((*_sources(conv), *c["strides"]))
        pairs.append((conv, norm))
    return pairs if len(pairs) > 1 and len(alike) == 1 else []


def _sources(entry: dict) -> list[str]:
    """The layers that `entry` reads. Empty if `entry` is used more than once."""
    nodes = entry["inbound_nodes"]
    return [source[0] for source in nodes[0]] if len(nodes) == 1 else []


def _length(conv: dict) -> int:
    return conv["config"]["kernel_size"][0]


def _epsilon(norm: dict) -> np.float32:
    return np.float32(norm["config"]["epsilon"])


def _parts(norm: dict) -> list[str]:
    """The names of a batch norm's weights, in Keras' order."""
    trained = [p for p, key in (("gamma", "scale"), ("beta", "center")) if norm["config"][key]]
    return [*trained, "mean", "variance"]


def _sum(branches: list[tuple], model, size: list[int]) -> tuple[np.ndarray, np.ndarray]:
    kernel: Any = 0.0
    bias: Any = 0.0
    for conv, norm in branches:
        (k,) = model.get_layer(conv["name"]).get_weights()
        values = model.get_layer(norm["name"]).get_weights()
        w = {key: v.astype(np.float64) for key, v in zip(_parts(norm), values, strict=True)}
        scale = w.get("gamma", 1.0) / np.sqrt(w["variance"] + _epsilon(norm))
        side = (size[0] - k.shape[0]) // 2
        padded = np.pad(k.astype(np.float64), ((side, side), (0, 0), (0, 0), (0, 0)))
        kernel = kernel + padded * scale[:, None]
        bias = bias + w.get("beta", 0.0) - w["mean"] * scale
    return kernel.astype(np.float32), bias.astype(np.float32)
