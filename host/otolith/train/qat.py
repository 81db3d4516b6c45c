"""Quantisation-aware training: a trained network adapts to int8 rounding before it is converted.

    aware = quantization_aware(fused(model, architecture), representative)
    fine_tune(aware, features, labels, epochs=3)
    tflite = to_int8(aware)

Batch norm keeps its trained mean and variance, as on the chip. Its scale and offset are trained
further, and so is every other weight, even one that was frozen before.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from otolith.errors import UserError
from otolith.train.convert import silence

BATCH = 16  # windows looked at together for their ranges


def quantization_aware(model: Any, representative: np.ndarray | None = None) -> Any:
    """Copies a network so that it rounds as int8 does, in training too.

    Args:
        model: A trained tf_keras Model.
        representative: float32 (count, frames, bands, 1) from every class. Value ranges start from
            what these reach, or from -6 to 6, which takes thousands of batches to correct.

    Raises:
        UserError: The toolkit can't do this network: it has models within, or unknown layers.
    """
    import tf_keras

    quantize = _toolkit()
    scale = _scale_of_output(quantize)
    for layer in model.layers:
        for kind, what in (
            (tf_keras.Model, "a model of its own"),
            (tf_keras.layers.Lambda, "Lambda"),
        ):
            if isinstance(layer, kind):
                raise UserError(f"quantisation-aware training: layer {layer.name} is {what}")

    def annotate(layer):
        if isinstance(layer, (tf_keras.layers.Resizing, tf_keras.layers.AveragePooling2D)):
            return quantize.quantize_annotate_layer(layer, scale(own=False))
        if isinstance(layer, tf_keras.layers.Subtract):  # the toolkit knows Add alone
            return quantize.quantize_annotate_layer(layer, scale(own=True))
        return quantize.quantize_annotate_layer(layer)

    try:
        with silence(), quantize.quantize_scope({scale.__name__: scale}):
            twin = _even(model)  # its layers themselves are wrapped
            annotated = tf_keras.models.clone_model(twin, clone_function=annotate)
            aware = quantize.quantize_apply(annotated)
    except (ValueError, RuntimeError, NotImplementedError, TypeError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise UserError(f"quantisation-aware training can't do this network: {line}") from error
    for wrapper in aware.layers:
        layer = getattr(wrapper, "layer", None)
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.trainable = False  # that is: use the statistics, do not gather them
    aware(np.zeros((1, *model.input_shape[1:]), np.float32), training=True)  # ranges of weights
    if representative is not None:
        _set_ranges(aware, model, representative)
    return aware


def fine_tune(
    aware: Any,
    features: np.ndarray,
    labels: np.ndarray,
    *,
    epochs: int = 3,
    batch: int = 64,
    learning_rate: float = 1e-4,
    loss: Any = None,
    validation: tuple[np.ndarray, np.ndarray] | None = None,
    class_weight: dict[int, float] | None = None,
    callbacks: list[Any] | None = None,
) -> dict[str, list[float]]:
    """Trains a little more.

    Args:
        aware: What quantization_aware() made.
        features: float32 (count, frames, bands, 1).
        labels: Class numbers, or what `loss` takes.
        epochs: How many.
        batch: Windows in a batch.
        learning_rate: Constant.
        loss: Default: sparse categorical cross-entropy.
        validation: Features and labels. The weights with the lowest loss on them are kept, those
            before the first epoch included, so that training can't make the network worse there.
        class_weight: As in Keras.
        callbacks: Of Keras, besides.

    Returns:
        Loss and accuracy by epoch.

    Raises:
        UserError: The loss is not a number.
    """
    import tf_keras

    aware.compile(
        tf_keras.optimizers.Adam(learning_rate),
        loss or tf_keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    least, best = np.inf, None
    if validation is not None:
        least, best = aware.evaluate(*validation, batch_size=256, verbose=0)[0], aware.get_weights()

    class Keep(tf_keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
            nonlocal least, best
            logs = logs or {}
            if not np.isfinite(logs.get("loss", 0)):
                raise UserError(f"quantisation-aware training diverged in epoch {epoch + 1}")
            if logs.get("val_loss", np.inf) < least:
                least, best = logs["val_loss"], self.model.get_weights()

    fitted = aware.fit(
        features,
        labels,
        epochs=epochs,
        batch_size=batch,
        validation_data=validation,
        class_weight=class_weight,
        verbose=0,
        callbacks=[Keep(), *(callbacks or [])],
    )
    if best is not None:
        aware.set_weights(best)
    return {key: [float(v) for v in values] for key, values in fitted.history.items()}


def to_int8(aware: Any) -> bytes:
    """Converts to int8, input and output too, with the ranges `aware` has learned.

    Raises:
        UserError: TensorFlow can't convert the network.
    """
    import tensorflow as tf
    from tf_keras import Input, Model

    single = Input(batch_shape=(1, *aware.input_shape[1:]))  # TFLM has no other batch
    fixed = Model(single, aware(single, training=False))
    converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    try:
        with silence():
            return converter.convert()
    except Exception as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]
        raise UserError(f"the network can't be converted to int8: {line}") from error


def _toolkit():
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    try:
        with silence():
            from tensorflow_model_optimization.quantization import keras
    except ImportError as error:
        raise UserError(
            "quantisation-aware training needs tensorflow-model-optimization: run `make setup`"
        ) from error
    return keras


def _scale_of_output(quantize):
    """Makes the QuantizeConfig of layers without weights.

    Their output has a scale of its own, or their input's scale and is not rounded again.
    """

    class ScaleOfOutput(quantize.QuantizeConfig):
        def __init__(self, own: bool) -> None:
            self.own = own

        def get_weights_and_quantizers(self, layer):
            return []

        def get_activations_and_quantizers(self, layer):
            return []

        def set_quantize_weights(self, layer, quantize_weights):
            pass

        def set_quantize_activations(self, layer, quantize_activations):
            pass

        def get_output_quantizers(self, layer):
            rounding = {"num_bits": 8, "per_axis": False, "symmetric": False, "narrow_range": False}
            return [quantize.quantizers.MovingAverageQuantizer(**rounding)] if self.own else []

        def get_config(self):
            return {"own": self.own}

    return ScaleOfOutput


def _even(model):
    """Copies a network with depthwise kernels scaled to 1 in every channel.

    The batch norms after them undo that. The toolkit rounds all channels by one scale, but the
    .tflite has one scale for each channel.
    """
    import tf_keras

    twin = tf_keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    for norm in twin.layers:
        if not isinstance(norm, tf_keras.layers.BatchNormalization) or not norm.scale:
            continue
        conv = norm.inbound_nodes[0].inbound_layers
        if not isinstance(conv, tf_keras.layers.DepthwiseConv2D) or len(conv.outbound_nodes) > 1:
            continue
        if conv.depth_multiplier != 1 or conv.activation is not tf_keras.activations.linear:
            continue
        kernel, *bias = conv.get_weights()
        reach = np.abs(kernel).max((0, 1, 3))
        reach[reach == 0] = 1
        conv.set_weights([kernel / reach[:, None], *(b / reach for b in bias)])
        norm.gamma.assign(norm.gamma * reach)
        norm.moving_mean.assign(norm.moving_mean / reach)
    return twin


def _set_ranges(aware, model, representative: np.ndarray) -> None:
    """Starts every range at what the float network reaches."""
    reached = _reached(model, representative)
    for layer in aware.layers:
        for variable in layer.weights:
            kind, _, end = variable.name.split("/")[-1].split(":")[0].rpartition("_")
            if end not in ("min", "max"):
                continue
            if kind in ("pre_activation", "post_activation", "output"):
                name = layer.name.removeprefix("quant_")
                variable.assign(reached[name, kind == "pre_activation"][end == "max"])
            elif kind.startswith("quantize_layer"):
                variable.assign(reached["", False][end == "max"])


def _reached(model, representative: np.ndarray) -> dict[tuple[str, bool], tuple[float, float]]:
    """Smallest and largest value by (layer, before its activation?); layer "" is the input."""
    from tf_keras import Model, activations
    from tf_keras.layers import InputLayer

    layers = [layer for layer in model.layers if not isinstance(layer, InputLayer)]
    linear = (None, activations.linear)
    active = [layer for layer in layers if getattr(layer, "activation", None) not in linear]
    probe = Model(model.input, [a.output for a in layers] + [a.input for a in active])
    reached: dict[tuple[str, bool], tuple[float, float]] = {}

    def widen(key: tuple[str, bool], values) -> None:
        low, high = reached.get(key, (0.0, 1e-6))
        reached[key] = min(low, float(np.min(values))), max(high, float(np.max(values)))

    for start in range(0, len(representative), BATCH):
        values = representative[start : start + BATCH]
        widen(("", False), values)
        found = probe(values, training=False)
        for layer, value in zip(layers, found, strict=False):
            widen((layer.name, False), value)
        for layer, value in zip(active, found[len(layers) :], strict=True):
            kept, layer.activation = layer.activation, activations.linear
            try:
                widen((layer.name, True), layer(value))
            finally:
                layer.activation = kept
    return reached
