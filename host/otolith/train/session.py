"""TensorFlow as training needs it: tf_keras, seeded, deterministic and quiet."""

from __future__ import annotations

import os
from typing import Any

from otolith.train.convert import silence
from otolith.train.libraries import missing


def new_session(seed: int) -> Any:
    """Starts a reproducible TensorFlow session: the same seed gives the same bytes.

    Forgets what earlier networks left behind: layer names count from one again, and random numbers
    begin anew.

    Args:
        seed: Seed of Python, NumPy and TensorFlow.

    Returns:
        The tf_keras module.

    Raises:
        UserError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    try:
        with silence():
            import tensorflow as tf
            import tf_keras
    except ImportError as error:
        raise missing("TensorFlow") from error
    tf.get_logger().setLevel("ERROR")
    tf_keras.backend.clear_session()
    tf_keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    return tf_keras
