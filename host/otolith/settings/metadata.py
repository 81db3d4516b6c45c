"""The metadata inside a .tflite: what a network needs to know to listen.

It is one JSON object with the keys `format`, `name`, `description`, `classes`, `features`, `detect`
and `deploy`, and further keys that nothing here reads, such as `data` and `training`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from otolith.errors import UserError, short
from otolith.settings.deploy import Deploy
from otolith.settings.detect import Detect
from otolith.settings.features import FrontEnd, features_of_model
from otolith.settings.fields import read, table_of
from otolith.settings.model import MOST_CLASSES, is_name
from otolith.settings.problems import MetadataSection, Problems

FORMAT = 1
KEYS = ("format", "name", "description", "classes", "features", "detect", "deploy")


@dataclass(frozen=True)
class Metadata:
    """The settings of a trained network."""

    features: FrontEnd
    """The front end."""
    detect: Detect
    """How scores become events."""
    deploy: Deploy
    """How often the network runs. `accept` does not travel and has its default here."""
    classes: tuple[str, ...]
    """Names of the outputs, in their order: 1 to 32."""
    name: str = ""
    """Name of the model; empty if the file does not say."""
    description: str = ""
    """What the model is for."""
    other: Mapping[str, object] = field(default_factory=dict)
    """Keys this version does not read, as they are in the file."""
    format: int | None = FORMAT
    """Version of the metadata's format; None if the file does not say."""

    @property
    def hop(self) -> int:
        """Samples between two inferences."""
        return self.deploy.hop_frames * self.features.hop

    @property
    def hop_ms(self) -> float:
        """Milliseconds between two inferences."""
        return 1000 * self.hop / self.features.sample_rate

    @property
    def streamed_frames(self) -> int:
        """Frames by which the window slides between two inferences; 0 if no row of the network
        can be kept, because the model asks for that or because each window is scaled anew."""
        dynamic = self.features.compress == "dynamic"
        return 0 if dynamic or not self.deploy.stream else self.deploy.hop_frames

    def with_detect(self, **changes: object) -> Metadata:
        """A copy with other settings of the decision layer."""
        return replace(self, detect=replace(self.detect, **changes))  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """The object as it is in the file, keys sorted at every level."""
        told: dict[str, object] = {
            **self.other,
            "classes": list(self.classes),
            "features": self.features.to_json(),
            "detect": table_of(self.detect),
            "deploy": table_of(self.deploy),
        }
        for key in ("name", "description"):
            if getattr(self, key):
                told[key] = getattr(self, key)
        if self.format is not None:
            told["format"] = self.format
        sorted_json: dict[str, object] = json.loads(json.dumps(told, sort_keys=True))
        return sorted_json

    def to_bytes(self) -> bytes:
        """The bytes of the file's metadata buffer."""
        return json.dumps(self.to_json(), sort_keys=True).encode()


def _table(raw: Mapping[str, object], key: str, top: MetadataSection) -> Mapping[str, object]:
    """A section of the object; empty if it is missing or is no object."""
    found = raw.get(key, {})
    if isinstance(found, dict):
        return found
    top.wrong(key, found, "must be a table")
    return {}


def _classes(raw: Mapping[str, object], top: MetadataSection) -> tuple[str, ...]:
    if "classes" not in raw:
        top.lacks("classes")
        return ()
    found = raw["classes"]
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        top.wrong("classes", found, "must be a list of names")
        return ()
    if any("\0" in name for name in found):
        top.add("classes", "a class name has a NUL character in it")
        return ()
    if not 1 <= len(found) <= MOST_CLASSES:
        top.add("classes", f"has {len(found)} names: 1 to {MOST_CLASSES} are supported")
        return ()
    return tuple(found)


def _text(raw: Mapping[str, object], key: str, top: MetadataSection) -> str:
    found = raw.get(key, "")
    if isinstance(found, str):
        return found
    top.wrong(key, found, "must be text")
    return ""


def parse_metadata(raw: Mapping[str, object]) -> Metadata:
    """Metadata from its JSON object.

    Keys that are not known are ignored: newer versions and other programs may write more.

    Raises:
        UserError: A setting is missing, of the wrong type, or out of range. The message names the
            first one.
    """
    problems = Problems()

    def section(name: str) -> MetadataSection:
        return MetadataSection(problems, name)

    top = section("")
    name = _text(raw, "name", top)
    if name and not is_name(name):
        top.wrong("name", name, "letters, digits, . _ - only, up to 40")
    description = _text(raw, "description", top)
    classes = _classes(raw, top)
    features = features_of_model(_table(raw, "features", top), section("features"))
    detect = read(Detect, _table(raw, "detect", top), section("detect"), of_model=True)
    deploy = read(Deploy, _table(raw, "deploy", top), section("deploy"), of_model=True)
    if features is not None:
        features.check_supported(section("features"))
        if section("deploy").clean("hop_frames") and deploy.hop_frames > features.frames:
            text = f"must be 1 to {features.frames}"
            section("deploy").wrong("hop_frames", deploy.hop_frames, text)
        thresholds = section("detect.thresholds")
        activity = features.tells_activity
        detect.check(section("detect"), thresholds, classes, activity, of_model=True)
    if problems.found or features is None:
        raise UserError(problems.found[0].text)
    other = {key: value for key, value in raw.items() if key not in KEYS}
    version = raw.get("format")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        raise UserError(f"the model's format = {short(repr(version))}: must be a whole number")
    return Metadata(features, detect, deploy, classes, name, description, other, version)
