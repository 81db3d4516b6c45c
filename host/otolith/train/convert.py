"""Converts a Keras network to an int8 .tflite, and keeps TensorFlow quiet."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from otolith.errors import UserError


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Hides standard error, where TensorFlow's native code reports every start."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def to_int8(model: Any, representative: np.ndarray) -> bytes:
    """Quantises a trained network, with int8 input and output.

    Args:
        model: A tf_keras Model.
        representative: float32 (count, frames, bands, 1) from every class; sets the value ranges.

    Returns:
        The .tflite, without Otolith's metadata.

    Raises:
        UserError: TensorFlow can't convert the network.
    """
    import tensorflow as tf
    from tf_keras import Input, Model

    # A fixed batch of one: TFLM takes no other.
    single = Input(batch_shape=(1, *representative.shape[1:]))
    fixed = Model(single, model(single, training=False))
    converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([x[None]] for x in representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    try:
        with silence():
            return converter.convert()
    except Exception as error:
        line = str(error).strip().splitlines()[-1][:200]
        raise UserError(f"the network can't be converted to int8: {line}") from error
