"""The Python interface: `from otolith import Chain, Model`.

    model = Model("models/fire_alarm")
    for event in Chain(model).feed(pcm):
        print(event.t_ms, event.label, event.score)

`otolith.features.extract` gives the features of a sound. Everything here calls the functions that
the commands call: the same C gives the same integers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from otolith.compile import Compiled, compile_graph
from otolith.compile.cores import PORTABLE, core_named
from otolith.errors import UserError
from otolith.evaluate.models import Ear, ModelFile, trained
from otolith.listen import chain
from otolith.report.results import Metrics
from otolith.settings.detect import ONE
from otolith.settings.metadata import Metadata
from otolith.settings.spec import Spec, load

__all__ = ["Chain", "Event", "Model", "load", "train"]


@dataclass(frozen=True)
class Event:
    """Something was heard.

    Attributes:
        label: Name of the class, or "unknown".
        score: Smoothed score, 0 to 1.
        t_ms: End of the hop that made the event, in milliseconds from the first sample.
    """

    label: str
    score: float
    t_ms: int


class Model:
    """A trained network with its front end and decision settings.

    Args:
        path: A .tflite, or the folder of a model.

    Raises:
        UserError: There is no trained network, or it has no Otolith metadata.

    Example:
        model = Model("models/keyword")
        model.scores(pcm)  # {"unknown": 0.02, "yes": 0.97, ...}
    """

    def __init__(self, path: Path | str) -> None:
        self.file: Path = trained(Path(path)).tflite
        self._ear = Ear(ModelFile(self.file, None))

    @property
    def data(self) -> bytes:
        """The bytes of the .tflite."""
        return self._ear.data

    @property
    def metadata(self) -> Metadata:
        """Front end, decision settings and classes."""
        return self._ear.metadata

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the outputs."""
        return tuple(self._ear.labels)

    @property
    def samples(self) -> int:
        """Samples of one window, at 16 kHz."""
        return self._ear.samples

    def scores(self, pcm: np.ndarray) -> dict[str, float]:
        """What the network says of one window.

        Args:
            pcm: int16 samples at 16 kHz, shape (samples,): see `samples`.

        Returns:
            Score by class, 0 to 1, before smoothing.

        Raises:
            UserError: pcm is of another length.
        """
        if pcm.dtype != np.int16 or pcm.shape != (self.samples,):
            raise UserError(f"a window is {self.samples} int16 samples, not {pcm.shape}")
        return dict(zip(self.classes, map(float, self._ear.scores(pcm)), strict=True))

    def compile(self, core: str = PORTABLE) -> Compiled:
        """The network in C.

        Args:
            core: "m0plus", "dsp", "portable", or a processor's name as for -mcpu.

        Returns:
            Text by file name in `files`, sizes in `schedule`.
        """
        return compile_graph(self.data, self.file.stem, core_named(core))


class Chain:
    """A model that listens to a stream: sound in, events out, as on the chip.

    Args:
        model: A Model, a .tflite, or the folder of a model.

    Example:
        chain = Chain("models/fire_alarm")
        for block in blocks:
            for event in chain.feed(block):
                print(event)
    """

    def __init__(self, model: Model | Path | str) -> None:
        self.model = model if isinstance(model, Model) else Model(model)
        self._chain = chain.Chain(self.model.data)

    @property
    def hop(self) -> int:
        """Samples between two decisions."""
        return self._chain.hop

    def feed(self, pcm: np.ndarray) -> Iterator[Event]:
        """Hears samples and yields the events in them.

        Args:
            pcm: int16 samples at 16 kHz, shape (any,). Blocks may be of any size. All of them are
                heard at once, before the first event is yielded.

        Raises:
            UserError: pcm is not one-dimensional int16.
        """
        hops = self._chain.feed(pcm)
        return iter(
            [Event(hop.event[0], hop.event[1] / ONE, hop.t_ms) for hop in hops if hop.event]
        )

    def set(self, name: str, value: object) -> None:
        """Changes a decision setting from the next hop on: "detect.threshold.bell", 0.8."""
        self._chain.set(name, value)

    def reset(self) -> None:
        """Forgets all sound heard so far."""
        self._chain.reset()


def train(spec: Spec | Path | str, out: Path | str) -> Metrics:
    """Trains a model.

    Args:
        spec: A spec, or the folder of one.
        out: Folder of the results: .tflite, weights, metrics.json, report.html.

    Returns:
        How well it hears the test set.

    Raises:
        UserError: The spec or its data are of no use.
    """
    from otolith.train.run import train as run  # imports TensorFlow

    return run(spec if isinstance(spec, Spec) else load(spec), Path(out))
