"""Keras -> int8 .tflite."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator

import numpy as np

from otolith.errors import UserError


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing on standard error from native code: TensorFlow reports its every start there."""
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


def to_int8(model, representative: np.ndarray) -> bytes:
    """Full-int8 post-training quantisation, int8 in and out.

    representative: float32 (count, frames, bands, 1), drawn from every class.
    """
    import tensorflow as tf
    from tf_keras import Input, Model

    # A fixed batch of one: TFLM has no other.
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
