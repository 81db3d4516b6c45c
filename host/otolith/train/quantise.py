"""Stage 3 of training: the fitted network becomes an int8 .tflite."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from otolith.compile.metadata import write_metadata
from otolith.data.synthetic import origin
from otolith.features.network_input import real_input
from otolith.train import qat
from otolith.train.convert import to_int8
from otolith.train.fit import Fitted
from otolith.train.learning import class_weights, loss_of
from otolith.train.prepare import Prepared
from otolith.train.progress import Report, silent


def quantise(prepared: Prepared, fitted: Fitted, progress: Report = silent) -> bytes:
    """Converts the fitted network to int8, as [quantize] says.

    Args:
        prepared: The data; some training windows of every class set the ranges of values.
        fitted: The network, from the same session of TensorFlow.
        progress: Called as the work proceeds.

    Returns:
        The .tflite with the model's metadata in it.

    Raises:
        UserError: The network can't be converted.
    """
    spec = prepared.spec
    progress("quantising", 0.1)
    picks = per_class(prepared.train.labels, spec.quantize.samples, spec.train.seed)
    typical = real_input(prepared.train.values[picks], spec.features)
    if spec.quantize.mode == "ptq":
        tflite = to_int8(fitted.network, typical)
    else:
        tflite = _aware(prepared, fitted.network, typical)
    progress("quantising", 1.0)
    metadata = dataclasses.replace(spec.metadata(), other={"data": origin(spec)})
    return write_metadata(tflite, metadata)


def per_class(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws about `count` indices of `labels`, equally many of each class as far as they go."""
    rng = np.random.default_rng(seed)
    groups = [rng.permutation(np.flatnonzero(labels == c)) for c in np.unique(labels)]
    each = -(-count // len(groups))
    return np.concatenate([group[:each] for group in groups])


def _aware(prepared: Prepared, network: Any, typical: np.ndarray) -> bytes:
    import tf_keras as keras

    spec = prepared.spec
    loss, as_labels = loss_of(keras, network, spec.train)
    aware = qat.quantization_aware(network, typical)
    learned = prepared.train if prepared.changing is None else prepared.changing.epoch(0)
    settings, validate = spec.features, prepared.validate
    qat.fine_tune(
        aware,
        real_input(learned.values, settings),
        as_labels(learned.labels),
        epochs=spec.quantize.epochs,
        batch=spec.train.batch,
        learning_rate=spec.quantize.learning_rate,
        loss=loss,
        validation=(real_input(validate.values, settings), as_labels(validate.labels)),
        class_weight=class_weights(learned.labels, len(spec.model.classes), spec.train),
    )
    return qat.to_int8(aware)
