"""Keys that specs no longer have, and what to write instead.

An entry maps a section and key to a function of the old value that gives the advice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from otolith.errors import short
from otolith.settings.problems import Problems, shown


def _kind(value: object) -> str:
    if value == "alarm":
        return 'write synth = "alarm" instead'
    if value == "esc":
        return (
            "run `host data import FOLDER --layout esc --dataset dataset/esc` and write "
            'path = "dataset/esc", split = "group", group = "fold", validate_by = "src_file" '
            "instead"
        )
    return "remove this key: a dataset is the only kind of data now"


def _number(value: object, example: float) -> float:
    """The old value if it is a number, else one to show."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if number else example  # type: ignore[return-value]


def _gain(value: object) -> str:
    db = _number(value, 3)
    return f"write [augment.gain] with gain_db = [-{db}, {db}], probability = 1"


def _noise(value: object) -> str:
    db = _number(value, 3)
    ratio = f"snr_db = [{db}, {db + 20}]"
    return f'write [augment.noise] with {ratio}, colour = "white", probability = 1'


FORMER: dict[tuple[str, str], Callable[[object], str]] = {
    ("data", "kind"): _kind,
    ("data", "train_folds"): lambda _: "remove it: folds that test_groups does not name train",
    ("data", "test_folds"): lambda _: (
        'write split = "group", group = "fold", test_groups = ["4"] instead'
    ),
    ("augment", "gain_db"): _gain,
    ("augment", "noise_snr_db"): _noise,
}


def take_former(name: str, table: Mapping[str, object], problems: Problems) -> dict[str, object]:
    """A section without former keys; each of them is reported with the advice.

    Args:
        name: The section.
        table: The section as written.
        problems: Takes the problems.
    """
    kept: dict[str, object] = {}
    for key, value in table.items():
        advice = FORMER.get((name, key))
        if advice is None:
            kept[key] = value
            continue
        said = f"[{name}] {shown(key)} = {short(repr(value))}"
        problems.add(name, key, f"{said} is no key any more: {advice(value)}")
    return kept
