"""[train]: how the network learns."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.settings.fields import setting
from otolith.settings.problems import Section

NO_BASE = "none"  # [train] base
MAX_SEED = 2**32 - 1  # the largest seed TensorFlow takes


@dataclass(frozen=True)
class Train:
    """[train] of a spec."""

    epochs: int = setting(
        "Passes over the training windows; 0: as many as `updates` takes.", 0, low=0, high=10000
    )
    updates: int = setting(
        "Batches to learn from where `epochs` is 0; training may end earlier.",
        3000,
        unit="batches",
        low=1,
        high=10**7,
        since="0.2",
    )
    batch: int = setting("Windows in a batch.", 64, unit="windows", low=1, high=4096)
    learning_rate: float = setting("Highest learning rate.", 0.001, above=0, below=1)
    dropout: float = setting("Share of activations dropped in training.", 0.2, low=0, below=1)
    seed: int = setting("Seed of weights, order and augmentations.", 1, low=0, high=MAX_SEED)
    schedule: str = setting(
        "Course of the learning rate over the epochs.",
        "cosine",
        names=("constant", "cosine", "stepped"),
    )
    steps: tuple[float, ...] = setting(
        'Shares of the epochs, rising, after which a schedule of "stepped" lowers the rate.', ()
    )
    step_factor: float = setting(
        "What each of `steps` multiplies the learning rate by.", 0.1, above=0, below=1
    )
    balance: str = setting(
        "How classes of different sizes are balanced: by weights in the loss, by leaving out "
        "windows of the larger classes, or not at all.",
        "weights",
        names=("weights", "undersample", "none"),
    )
    cap: int = setting("Most training windows of a class; 0: all.", 0, unit="windows", low=0)
    threshold: float = setting(
        "Validation accuracy that ends training; 0: none does.", 0.0, low=0, high=1
    )
    patience: int = setting(
        "Epochs in a row `threshold` must be reached.", 3, unit="epochs", low=1, high=1000
    )
    plateau: int = setting(
        "Epochs without a better validation loss that end training; 0: training never ends early.",
        0,
        unit="epochs",
        low=0,
        high=1000,
    )
    mixup: float = setting(
        "Windows are mixed in pairs with shares from Beta(mixup, mixup); 0: not mixed.",
        0.0,
        low=0,
        high=10,
    )
    mix: str = setting(
        "What `mixup` mixes: `values` of features, or `sounds` (between-class learning), which "
        "needs a spectrogram with log2 or a plain logmel.",
        "values",
        names=("values", "sounds"),
    )
    smoothing: float = setting(
        "Share of each label that is spread over all classes.", 0.0, low=0, below=1
    )
    variants: int = setting(
        "Augmented variants of each window; the epochs use them in turn.", 4, low=1, high=100
    )
    method: str = setting(
        "`clips` learns from every clip alike, for `epochs` passes. `takes` learns a sound from "
        "few takes, mixed into streams of other sound. `auto` chooses `takes` for words "
        '(kind = "word", or a log-mel front end and no kind) if the rarest class with a threshold '
        "has at most 100 recorded takes, another class has no threshold, and `epochs` is 0.",
        "auto",
        names=("auto", "clips", "takes"),
        since="0.2",
    )
    take_updates: int = setting(
        "Batches to learn from with `takes`, before mining; three times as many without a base.",
        500,
        unit="batches",
        low=1,
        high=10**6,
        since="0.2",
    )
    mine: int = setting(
        "Rounds in which `takes` looks for sounds that the network confuses with a class, and "
        "learns from them. They end when nothing new is found.",
        2,
        low=0,
        high=20,
        since="0.2",
    )
    base: str = setting(
        "Folder of a trained model whose body is taken over. Empty: none, except with `takes` and "
        'for kind = "sound", where a base in models/ of the same architecture and features is '
        "used. `none`: none.",
        "",
    )
    head_epochs: int = setting(
        "Epochs that train the new head alone, before all layers.", 10, low=1, high=1000
    )
    body_rate: float = setting(
        "Factor of `learning_rate` when all layers are trained.", 0.1, above=0, high=1
    )
    head_layers: tuple[int, ...] = setting(
        "Units of the new head's dense layers before the output.", ()
    )
    head_norm: bool = setting("Whether batch normalisation follows each of `head_layers`.", False)
    output: str = setting(
        "Activation of the new head's output; `sigmoid` gives one output for two classes.",
        "softmax",
        names=("softmax", "sigmoid"),
    )

    @property
    def has_base(self) -> bool:
        """Whether it names a trained model to start from."""
        return self.base not in ("", NO_BASE)

    def check(self, section: Section, classes: int) -> None:
        """Checks settings that depend on each other.

        Args:
            section: Takes the problems.
            classes: How many classes the model has.
        """
        need = section.need
        stepped = self.schedule == "stepped"
        together = 'schedule = "stepped" and steps need each other'
        need(stepped == bool(self.steps), "steps", together)
        rising = all(a < b for a, b in zip([0, *self.steps], [*self.steps, 1], strict=True))
        need(rising or not self.steps, "steps", "must rise, between 0 and 1")
        units = all(1 <= n <= 4096 for n in self.head_layers) and len(self.head_layers) <= 8
        need(units, "head_layers", "must be up to eight layers of 1 to 4096 units")
        need(self.output == "softmax" or classes == 2, "output", '"sigmoid" needs two classes')
        if not self.has_base:
            new = self.output == "softmax" and not self.head_layers and not self.head_norm
            need(new, "output, head_layers, head_norm", "need base: they describe its new head")
