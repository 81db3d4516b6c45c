"""models/<name>/spec.toml: what to train, on what, and how the result listens.

Every section is a dataclass below; a key nobody reads is an error, with the nearest one that is.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import sys
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from otolith.errors import UserError
from otolith.features import settings as feature_settings
from otolith.settings import detect as detect_settings
from otolith.settings.detect import Detect

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Model:
    name: str
    description: str
    classes: list[str]
    architecture: str  # a name from host/otolith/train/architectures, or "module:function"


@dataclass(frozen=True)
class Data:
    """The sounds to learn from: a dataset, or until there is one, what a generator makes.

    Attributes:
        path: Folder of the dataset, relative to where you are. Empty: "dataset".
        synth: Generator that makes the sounds while `path` holds no dataset
            (otolith/synth/registry.py). Empty: there must be a dataset.
        seed: Other generated sounds, other windows, other validation groups.
        train_clips, validate_clips, test_clips: Generated clips of each set; a clip is one
            window long.
        split: What decides the sets: "set" the column of that name, "group" the groups named in
            test_groups, "kfold" turns.
        group: Column of clips that stay together. Empty: speaker, source or file.
        test_groups: Groups that test, with split = "group".
        train_groups: Groups that always train; patterns such as espeak-* stand for many.
        folds, fold: How many folds there are with split = "kfold", and which one tests.
        validate_share: Share of each class's training clips that validates, 0 to 1.
        validate_by: What stays together between training and validation: "group", "file" or a
            column of metadata.csv.
    """

    path: str = ""
    synth: str = ""
    seed: int = 1
    train_clips: int = 0
    validate_clips: int = 0
    test_clips: int = 0
    validate_share: float = 0.15
    split: str = "set"
    group: str = ""
    test_groups: list[str] = field(default_factory=list)
    train_groups: list[str] = field(default_factory=list)
    folds: int = 5
    fold: int = 1
    validate_by: str = "group"


@dataclass(frozen=True)
class Features:
    """Front end (features/settings.py): presets and MLTK's fe settings are spelt out here."""

    kind: str = "spectrogram"
    sample_rate: int = 16000
    window: int = 256
    hop: int = 128
    frames: int = 124
    compress: str = "log2"
    bands: int = 129  # values a frame
    mels: int = 0  # mfcc: filters
    low_hz: float = 0.0  # mfcc: their limits
    high_hz: float = 0.0
    minimum: list[int] = field(default_factory=list)  # compress = "minmax": of each band
    maximum: list[int] = field(default_factory=list)
    fe: dict = field(default_factory=dict)  # logmel: MLTK's settings
    settle: int = 0  # logmel: frames of the room before a training window, for its noise estimate

    @property
    def samples(self) -> int:
        """Samples one network window covers."""
        return self.window + (self.frames - 1) * self.hop


@dataclass(frozen=True)
class Augment:
    """What is done to training windows.

    Attributes:
        windows_a_clip: Windows cut at random places from each training clip.
        sections: The augmentations of [augment.gain], [augment.room] and so on
            (otolith/augment).
    """

    windows_a_clip: int = 1
    sections: list = field(default_factory=list)  # of otolith.augment.base.Augmentation


@dataclass(frozen=True)
class Train:
    epochs: int = 0  # passes over the training windows; 0: as many as `updates` takes
    updates: int = 3000  # batches to learn from where epochs is 0; training may end earlier
    batch: int = 64
    learning_rate: float = 0.001
    dropout: float = 0.2
    seed: int = 1
    schedule: str = "cosine"  # of the learning rate: constant, cosine, stepped
    steps: list[float] = field(default_factory=list)  # stepped: shares of the epochs
    step_factor: float = 0.1  # what it is multiplied by at each
    balance: str = "weights"  # weights, undersample, none
    cap: int = 0  # training windows of a class, at most; 0: all
    threshold: float = 0.0  # validation accuracy that ends training; 0: none does
    patience: int = 3  # once it has been reached for so many epochs
    plateau: int = 0  # epochs without a better validation loss that end it; 0: none do
    mixup: float = (
        0.0  # windows are mixed in pairs, shares from Beta(mixup, mixup); 0: they are not
    )
    smoothing: float = 0.0  # of labels: that share goes to all classes alike
    variants: int = 4  # of each window with [augment.*] sections; the epochs take turns
    base: str = ""  # folder of a trained model whose body is taken over
    head_epochs: int = 10  # of the new head alone, before all of it
    body_rate: float = 0.1  # times learning_rate, for all of it
    head_layers: list[int] = field(default_factory=list)  # dense layers before the output
    head_norm: bool = False  # batch norm after each
    output: str = "softmax"  # or sigmoid: one output for two classes


@dataclass(frozen=True)
class Quantize:
    mode: str = "ptq"  # or qat
    samples: int = 200  # representative windows
    epochs: int = 3  # of quantisation-aware training
    learning_rate: float = 1e-4


@dataclass(frozen=True)
class Deploy:
    hop_frames: int = 4  # frames between two inferences
    accept: float = 1.0  # share of the test scene that must be judged right
    stream: bool = True  # keep rows between inferences, where that is worth its RAM


@dataclass(frozen=True)
class Spec:
    model: Model
    data: Data
    features: Features
    augment: Augment
    train: Train
    quantize: Quantize
    detect: Detect
    deploy: Deploy

    def metadata(self) -> dict:
        """What travels in the .tflite (host/otolith/compile/metadata.py)."""
        return {
            "format": 1,
            "name": self.model.name,
            "description": self.model.description,
            "classes": self.model.classes,
            "features": feature_settings.kept(self.features),
            "detect": detect_settings.kept(self.detect),
            # what is as usual is left out: models made before have the same metadata
            "deploy": {"hop_frames": self.deploy.hop_frames}
            | ({} if self.deploy.stream else {"stream": False}),
        }


SECTIONS = {f.name: f for f in dataclasses.fields(Spec)}
REQUIRED = ("model", "data", "detect")
MAX_SEED = 2**32 - 1  # TensorFlow's
FORMER_KINDS = {  # values of the former key [data] kind, and what to write instead
    "alarm": 'write synth = "alarm" instead',
    "esc": "run `host data import FOLDER --layout esc --dataset dataset/esc` and write "
    'path = "dataset/esc", split = "group", group = "fold", validate_by = "src_file" instead',
    "dataset": "remove this key: a dataset is the only kind of data now",
}
FORMER = {  # former keys, and what to write instead
    ("data", "train_folds"): "remove it: the folds that test_groups does not name train",
    ("data", "test_folds"): 'write split = "group", group = "fold", test_groups = ["4"] instead',
    ("augment", "gain_db"): "write [augment.gain] with gain_db = [-{0}, {0}], probability = 1",
    ("augment", "noise_snr_db"): "write [augment.noise] with snr_db = [{0}, {1}], "
    'colour = "white", probability = 1',
}


def nearest(word: str, known: list[str]) -> str:
    match = difflib.get_close_matches(word, known, 1)
    return f"did you mean {match[0]}?" if match else f"known: {', '.join(known)}"


def refuse_former(raw: dict, where: str) -> None:
    """Raise UserError for a key that is no more; it says what to write instead."""
    kind = raw.get("data", {}).get("kind")
    if "kind" in raw.get("data", {}):
        hint = FORMER_KINDS.get(kind, FORMER_KINDS["dataset"]) if isinstance(kind, str) else ""
        raise UserError(f"{where}: [data] kind = {kind!r}: {hint or FORMER_KINDS['dataset']}")
    for (section, key), hint in FORMER.items():
        value = raw.get(section, {}).get(key)
        if key in raw.get(section, {}):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            filled = hint.format(value, value + 20) if number else hint.format("3", "23")
            raise UserError(f"{where}: [{section}] {key} is no key any more: {filled}")


def _fits(value: object, kind: object) -> bool:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        return isinstance(value, list) and all(_fits(v, arguments[0]) for v in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(v, arguments[1]) for v in value.values())
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)  # type: ignore[arg-type]


def _section(name: str, kind: type, table: dict, where: str) -> object:
    hints = typing.get_type_hints(kind)
    for key, value in table.items():
        if key not in hints:
            raise UserError(f"{where}: [{name}] has no key {key}: {nearest(key, list(hints))}")
        if not _fits(value, hints[key]):
            wanted = hints[key]
            text = str(wanted) if isinstance(wanted, types.GenericAlias) else wanted.__name__
            raise UserError(f"{where}: [{name}] {key} = {value!r}: must be {text}")
    missing = [
        f.name
        for f in dataclasses.fields(kind)
        if f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
        and f.name not in table
    ]
    if missing:
        raise UserError(f"{where}: [{name}] lacks {missing[0]}")
    return kind(**table)


def read_toml(file: Path) -> dict:
    """A TOML file's tables; UserError."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{file}: {error.strerror}: give a model folder with a spec.toml"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not TOML: {error}") from error


def spec_file(path: Path | str) -> Path:
    """The spec of a model's folder, or the file itself."""
    path = Path(path)
    return path / "spec.toml" if path.is_dir() or not path.suffix else path


def load(path: Path | str) -> Spec:
    """Read a spec (a folder, or the file itself); UserError with file, section and key."""
    file = spec_file(path)
    return parse(read_toml(file), str(file))


def parse(raw: dict, where: str) -> Spec:
    """A spec from its tables, which stay as they are. where: what errors begin with. UserError."""
    hints = typing.get_type_hints(Spec)
    for section, table in raw.items():
        if section not in SECTIONS:
            raise UserError(f"{where}: no section [{section}]: {nearest(section, list(SECTIONS))}")
        if not isinstance(table, dict):
            raise UserError(f"{where}: {section} must be a section, [{section}]")
    for section in REQUIRED:
        if section not in raw:
            raise UserError(f"{where}: lacks section [{section}]")
    refuse_former(raw, where)
    raw = {**raw, "augment": _augment(raw.get("augment", {}), where)}
    raw["features"] = feature_settings.expand(raw.get("features", {}), where)
    parts = {
        name: _section(name, hints[name], raw.get(name, {}), where)
        for name in SECTIONS
        if name != "detect"  # what it says in milliseconds depends on the others
    }
    f, deploy = parts["features"], parts["deploy"]
    hop = max(1, f.hop) * max(1, deploy.hop_frames)  # too small gets its error from _check
    detect = detect_settings.expand(raw["detect"], 1000 * hop / max(1, f.sample_rate), where)
    parts["detect"] = _section("detect", hints["detect"], detect, where)
    spec = Spec(**parts)  # type: ignore[arg-type]
    _check(spec, where)
    return spec


def _check_train(spec: Spec, need: Callable[[bool, str, str], None]) -> None:
    """The newer keys of [train]."""
    t = spec.train
    for key, names in (
        ("schedule", ("constant", "cosine", "stepped")),
        ("balance", ("weights", "undersample", "none")),
        ("output", ("softmax", "sigmoid")),
    ):
        need(getattr(t, key) in names, f"[train] {key}", f"must be one of {', '.join(names)}")
    stepped = t.schedule == "stepped"
    need(
        stepped == bool(t.steps),
        "[train] steps",
        'goes with schedule = "stepped", and it with them',
    )
    rising = all(a < b for a, b in zip([0, *t.steps], [*t.steps, 1], strict=True))
    need(rising or not t.steps, "[train] steps", "must rise, between 0 and 1")
    need(0 < t.step_factor < 1, "[train] step_factor", "must be between 0 and 1")
    need(t.cap >= 0, "[train] cap", "must not be negative")
    need(0 <= t.threshold <= 1, "[train] threshold", "must be 0 to 1")
    need(1 <= t.patience <= 1000, "[train] patience", "must be 1 to 1000")
    need(0 <= t.plateau <= 1000, "[train] plateau", "must be 0 to 1000")
    need(0 <= t.mixup <= 10, "[train] mixup", "must be 0 to 10")
    need(0 <= t.smoothing < 1, "[train] smoothing", "must be 0 to below 1")
    need(1 <= t.variants <= 100, "[train] variants", "must be 1 to 100")
    need(1 <= t.head_epochs <= 1000, "[train] head_epochs", "must be 1 to 1000")
    need(0 < t.body_rate <= 1, "[train] body_rate", "must be above 0, up to 1")
    units = all(1 <= n <= 4096 for n in t.head_layers) and len(t.head_layers) <= 8
    need(units, "[train] head_layers", "up to eight layers of 1 to 4096 units")
    two = len(spec.model.classes) == 2
    need(t.output == "softmax" or two, "[train] output", '"sigmoid" is for two classes')
    if not t.base:
        new = t.output == "softmax" and not t.head_layers and not t.head_norm
        need(new, "[train] output, head_layers, head_norm", "go with base: a network's new head")


def _check_split(data: Data, need: Callable[[bool, str, str], None]) -> None:
    """How a data set is parted."""
    names = ("set", "group", "kfold")
    need(data.split in names, "[data] split", f"must be one of {', '.join(names)}")
    need(bool(data.validate_by), "[data] validate_by", 'must be "group", "file" or a column')
    grouped = data.split == "group"
    need(not grouped or bool(data.group), "[data] group", "name the column, such as speaker")
    need(
        grouped == bool(data.test_groups),
        "[data] test_groups",
        'goes with split = "group", and it with them',
    )
    need(grouped or not data.train_groups, "[data] train_groups", 'goes with split = "group"')
    need(2 <= data.folds <= 100, "[data] folds", "must be 2 to 100")
    need(1 <= data.fold <= data.folds, "[data] fold", "must be 1 to folds")


def _check_synth(data: Data, classes: list[str], need: Callable[[bool, str, str], None]) -> None:
    """How many sounds to generate. Whether the generator can make them, it says itself."""
    clips = (data.train_clips, data.validate_clips, data.test_clips)
    keys = "[data] train_clips, validate_clips, test_clips"
    if not data.synth:
        need(not any(clips), keys, "go with synth")
        return
    enough = 2 * len(classes)
    need(min(clips) >= enough, keys, f"at least {enough} each: two of a class")


def _augment(table: dict, where: str) -> dict:
    """[augment] with its sections parsed by those who know them."""
    sections = {key: value for key, value in table.items() if isinstance(value, dict)}
    if not sections:
        return table
    from otolith.augment.settings import parse

    keys = {key: value for key, value in table.items() if key not in sections}
    return {**keys, "sections": parse(sections, where)}


def _check(spec: Spec, where: str) -> None:
    """Ranges, and what sections must agree on."""

    def need(good: bool, key: str, text: str) -> None:
        if not good:
            raise UserError(f"{where}: {key}: {text}")

    model, features, detect = spec.model, spec.features, spec.detect
    name_ok = re.fullmatch(r"[A-Za-z0-9_.-]{1,40}", model.name) is not None
    need(name_ok, "[model] name", "letters, digits, . _ - only, up to 40")
    need(2 <= len(model.classes) <= 32, "[model] classes", "2 to 32 names")
    need(len(set(model.classes)) == len(model.classes), "[model] classes", "a name stands twice")
    names_ok = all(c.isprintable() and c == c.strip() and 1 <= len(c) <= 40 for c in model.classes)
    need(names_ok, "[model] classes", "names must be printable, 1 to 40 characters")
    data, augment = spec.data, spec.augment
    need(0 <= data.seed <= MAX_SEED, "[data] seed", f"must be 0 to {MAX_SEED}")
    need(0 < data.validate_share < 1, "[data] validate_share", "must be between 0 and 1")
    _check_split(data, need)
    need(1 <= augment.windows_a_clip <= 1000, "[augment] windows_a_clip", "must be 1 to 1000")
    _check_synth(data, model.classes, need)
    feature_settings.check(features, need)
    need(0 <= spec.train.epochs <= 10000, "[train] epochs", "must be 0 to 10000")
    need(1 <= spec.train.updates <= 10**7, "[train] updates", "must be 1 to 10000000")
    need(1 <= spec.train.batch <= 4096, "[train] batch", "must be 1 to 4096")
    need(0 <= spec.train.seed <= MAX_SEED, "[train] seed", f"must be 0 to {MAX_SEED}")
    need(0 < spec.train.learning_rate < 1, "[train] learning_rate", "must be between 0 and 1")
    need(0 <= spec.train.dropout < 1, "[train] dropout", "must be 0 to below 1")
    _check_train(spec, need)
    need(spec.quantize.mode in ("ptq", "qat"), "[quantize] mode", 'must be "ptq" or "qat"')
    need(1 <= spec.quantize.epochs <= 1000, "[quantize] epochs", "must be 1 to 1000")
    rate = spec.quantize.learning_rate
    need(0 < rate < 1, "[quantize] learning_rate", "must be between 0 and 1")
    need(1 <= spec.quantize.samples <= 10000, "[quantize] samples", "must be 1 to 10000")
    detect_settings.check(detect, model.classes, feature_settings.kept(features), need)
    most = min(features.frames, 8192 // features.hop)
    need(1 <= spec.deploy.hop_frames <= most, "[deploy] hop_frames", f"must be 1 to {most}")
    need(0 < spec.deploy.accept <= 1, "[deploy] accept", "must be above 0, up to 1")
