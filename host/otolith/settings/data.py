"""[data]: what the network is trained and tested on."""

from __future__ import annotations

from dataclasses import dataclass

from otolith.settings.fields import setting
from otolith.settings.problems import Section
from otolith.settings.registries import GENERATORS
from otolith.settings.train import MAX_SEED

DATASET = "dataset"  # the default of [data] path


@dataclass(frozen=True)
class Data:
    """[data] of a spec."""

    path: str = setting(
        f'Folder of the dataset, beside the spec or relative to where you are; empty: "{DATASET}".',
        "",
    )
    synth: str = setting(
        "Generator of the sounds while `path` holds no dataset; empty: there must be one.", ""
    )
    seed: int = setting("Seed of generated sounds and of the split.", 1, low=0, high=MAX_SEED)
    train_clips: int = setting("Generated training clips, one window each.", 0, low=0)
    validate_clips: int = setting("Generated validation clips, one window each.", 0, low=0)
    test_clips: int = setting("Generated test clips, one window each.", 0, low=0)
    validate_share: float = setting(
        "Share of each class's training clips kept for validation, whole sources at a time.",
        0.15,
        above=0,
        below=1,
    )
    split: str = setting(
        "How clips are parted: by the set column of metadata.csv, by a group column, or in "
        "`folds` parts of which one tests.",
        "set",
        names=("set", "group", "kfold"),
    )
    group: str = setting(
        "Column of clips that stay together; empty: speaker, else source, else file.", ""
    )
    test_groups: tuple[str, ...] = setting('Groups that test, with split = "group".', ())
    train_groups: tuple[str, ...] = setting(
        "Groups that always train; `espeak-*` stands for every name that begins so.", ()
    )
    folds: int = setting('Number of parts, with split = "kfold".', 5, low=2, high=100)
    fold: int = setting("The part that tests, counted from 1.", 1, low=1)
    validate_by: str = setting(
        "What stays together between training and validation: `group`, `file` or a column of "
        "metadata.csv.",
        "group",
    )

    negatives: tuple[str, ...] = setting(
        "Folders of recordings without any sound that makes an event, or such files; relative to "
        "where you are, else to $OTOLITH_DATA. The model must stay silent on them.",
        (),
        since="0.2",
    )

    def check(self, section: Section, classes: tuple[str, ...]) -> None:
        """Checks settings that depend on each other and on the model's classes."""
        self._check_split(section)
        self._check_generator(section, classes)

    @property
    def clips(self) -> tuple[int, int, int]:
        """Generated clips of the training, validation and test set."""
        return self.train_clips, self.validate_clips, self.test_clips

    def _check_split(self, section: Section) -> None:
        need, grouped = section.need, self.split == "group"
        need(not grouped or bool(self.group), "group", "name the column, such as speaker")
        together = 'split = "group" and test_groups need each other'
        need(grouped == bool(self.test_groups), "test_groups", together)
        need(grouped or not self.train_groups, "train_groups", 'needs split = "group"')
        need(self.fold <= self.folds, "fold", "must be 1 to folds")
        need(bool(self.validate_by), "validate_by", 'must be "group", "file" or a column')

    def _check_generator(self, section: Section, classes: tuple[str, ...]) -> None:
        keys = "train_clips, validate_clips, test_clips"
        if not self.synth:
            section.need(not any(self.clips), keys, "need synth: they count generated clips")
            return
        if self.synth not in GENERATORS.table:
            section.wrong("synth", self.synth, GENERATORS.unknown(self.synth))
            return
        enough = 2 * len(classes)
        section.need(min(self.clips) >= enough, keys, f"at least {enough} each: two of a class")
