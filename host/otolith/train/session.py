"""TensorFlow as training wants it: tf_keras, seeded, deterministic, quiet."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from otolith.errors import UserError
from otolith.train.convert import silence


@contextmanager
def quiet_tensorflow(seed: int) -> Iterator[Any]:
    """tf_keras; names count from one again and draws begin anew: same seed, same bytes."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    try:
        with silence():
            import tensorflow as tf
            import tf_keras
    except ImportError as error:
        raise UserError("training needs TensorFlow: run `make setup`") from error
    tf.get_logger().setLevel("ERROR")
    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    yield tf_keras
