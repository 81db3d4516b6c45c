"""An int8 network on this computer: int16 features in, scores out, with the chip's integers."""

from __future__ import annotations

import numpy as np

from otolith.compile import Compiled
from otolith.compile.engine import HostModel
from otolith.errors import UserError
from otolith.features.network_input import int8_input


def all_classes(scores: np.ndarray) -> np.ndarray:
    """Adds the first class's score to a network with a single sigmoid.

    Args:
        scores: (count, outputs), 0 to 1. One output is the score of the second of two classes.

    Returns:
        (count, classes), 0 to 1.
    """
    return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores


class Network:
    """The compiled engine's C around one .tflite, behind its front end.

    Args:
        data: Bytes of the .tflite.

    Raises:
        UserError: The file can't be compiled, or carries no metadata.
    """

    def __init__(self, data: bytes) -> None:
        self._engine = HostModel(data)
        metadata = self._engine.network.metadata
        if metadata is None:
            raise UserError("carries no Otolith metadata: train it with `host train`")
        self.metadata = metadata
        self._source = self._engine.network.inputs[0]
        output = self._engine.network.outputs[0]
        self.scale, self.zero_point = float(output.scale), output.zero_point

    @property
    def compiled(self) -> Compiled:
        """What the compiler made of the file."""
        return self._engine.compiled

    def outputs(self, values: np.ndarray) -> np.ndarray:
        """Runs the network once.

        Args:
            values: int16 (frames, bands), features of one window.

        Returns:
            (outputs,): int8, or float32 where the file ends in DEQUANTIZE.
        """
        if self._engine.network.graph.states:
            raise UserError(
                "keeps a state from one step to the next: judge it on recordings, with "
                "`host evaluate --stream`"
            )
        source = self._source
        q = int8_input(values, self.metadata.features, float(source.scale), source.zero_point)
        return self._engine.invoke(q).ravel()

    def scores(self, raw: np.ndarray) -> np.ndarray:
        """Turns int8 outputs (count, outputs) into scores (count, classes), 0 to 1."""
        return all_classes((raw.astype(np.int32) - self.zero_point) * self.scale)
