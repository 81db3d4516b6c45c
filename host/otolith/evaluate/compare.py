"""`host compare`: two networks on the same clips, and whether their difference means anything."""

from __future__ import annotations

import functools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from rich.console import Console

from otolith.errors import UserError, shown
from otolith.evaluate import clips, metrics, models
from otolith.evaluate.data import PATH, bars, chosen_sounds, data_options
from otolith.evaluate.tables import table, text
from otolith.report.results import ClassFigures, ClipFigures
from otolith.report.words import plain, share

LEVEL = 0.05  # a smaller p-value counts as a difference


@dataclass(frozen=True)
class Versus:
    """How often both, one or none of two networks are right about the same clips."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def p_value(self) -> float:
        """McNemar's exact test, two-sided."""
        return metrics.mcnemar(self.only_a, self.only_b)

    @property
    def significant(self) -> bool:
        return self.p_value < LEVEL

    @property
    def least(self) -> int:
        """The smallest number of clips they differ on that can tell them apart."""
        count = 1
        while metrics.mcnemar(0, count) >= LEVEL:
            count += 1
        return count

    def words(self, a: str = "A", b: str = "B") -> str:
        """The verdict in a sentence."""
        different, p = self.only_a + self.only_b, f"{self.p_value:.2g}"
        if not different:
            return f"{a} and {b} are right about the same clips: no difference"
        if self.significant:
            better, more, less = (
                (a, self.only_a, self.only_b)
                if self.only_a > self.only_b
                else (b, self.only_b, self.only_a)
            )
            return f"{better} is better: alone right {more} times, the other {less} (p = {p})"
        said = f"the difference is not significant (p = {p}): it may well be chance"
        if different < self.least:
            said += f"; they differ on {different} clips, fewer than {self.least} can't tell"
        return said


def versus(a: np.ndarray, b: np.ndarray) -> Versus:
    """Compares two bool arrays (clips,): which clips each network got right."""
    return Versus(*(int(x.sum()) for x in (a & b, a & ~b, ~a & b, ~a & ~b)))


def common(a: clips.ClipScores, b: clips.ClipScores) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The clips of classes that both networks could judge, and whether each was right."""
    right = []
    for result in (a, b):
        names = np.array(result.names)[result.known]
        right.append(dict(zip(names.tolist(), result.right().tolist(), strict=True)))
    names = [name for name in right[0] if name in right[1]]
    if not names:
        raise UserError("no clip that both networks could judge")
    a_right, b_right = (np.array([side[name] for name in names]) for side in right)
    return names, a_right, b_right


@click.command()
@click.argument("a", type=PATH)
@click.argument("b", type=PATH)
@data_options
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def compare(
    a: Path,
    b: Path,
    spec: Path | None,
    data: Path | None,
    dataset: Path | None,
    chosen: str,
    as_json: bool,
) -> None:
    """Compare A and B on the same clips. A, B: a .tflite or a model's folder.

    Both must know the same classes. Without options the clips are the test set of A's spec, or of
    B's. A clip is right if its class has the best score. McNemar's exact test says whether the
    difference could be chance.

    \b
    Examples:
        host compare old.tflite models/environment --spec models/environment
        host compare a.tflite b.tflite --data sounds
    """
    files = [models.find(path) for path in (a, b)]
    ears = [models.Ear(file) for file in files]
    if set(ears[0].labels) != set(ears[1].labels):
        raise UserError(
            f"{ears[0].name} knows {', '.join(ears[0].labels)}; {ears[1].name} knows "
            f"{', '.join(ears[1].labels)}: they can't be compared"
        )
    with bars() as progress:
        labels = ears[0].labels
        about = files[0] if files[0].spec else files[1]
        sounds, problems, where = chosen_sounds(
            about, labels, spec, data, dataset, chosen, progress
        )
        results = [
            clips.judge(ear, sounds, progress=functools.partial(progress, side))
            for side, ear in zip("AB", ears, strict=True)
        ]
    names, right_a, right_b = common(*results)
    verdict = versus(right_a, right_b)
    for line in dict.fromkeys([*problems, *(p for r in results for p in r.problems)]):
        click.echo(shown(line), err=True)
    for line in results[0].notes:
        click.echo(shown(line), err=True)
    figures = [clips.summary(r) for r in results]
    if as_json:
        sides = {
            side: {"model": ear.name, "hash": ear.network.digest, **s.to_json()}
            for side, ear, s in zip("ab", ears, figures, strict=True)
        }
        test = {
            **vars(verdict),
            "p_value": verdict.p_value,
            "significant": verdict.significant,
            "words": verdict.words(),
        }
        click.echo(json.dumps({"data": where, "clips": len(names), **sides, "mcnemar": test}))
    else:
        _print(where, ears, figures, verdict)
    sys.exit(int(bool(problems or any(r.problems for r in results))))


def _print(where: str, ears: list[models.Ear], figures: list[ClipFigures], verdict: Versus) -> None:
    click.echo(shown(where))
    for side, ear in zip("AB", ears, strict=True):
        click.echo(shown(f"{side}: {ear.network.name} {ear.network.digest} ({ear.name})"))
    rows = table("", "A", "B")
    for name, form, values in (
        ("accuracy, best score", share, [s.accuracy for s in figures]),
        ("accuracy with thresholds", share, [s.accuracy_with_thresholds for s in figures]),
        ("accuracy of single windows", share, [s.window_accuracy for s in figures]),
        ("unknown", share, [s.unknown for s in figures]),
        ("mean F1", plain, [s.macro_f1 for s in figures]),
        ("mean ROC-AUC", plain, [s.macro_roc_auc for s in figures]),
    ):
        rows.add_row(name, *map(form, values))
    for key in ("arena", "weights", "macs"):
        rows.add_row(key, *(f"{getattr(ear.schedule, key):,}" for ear in ears))
    rows.add_section()
    sides: list[dict[str, ClassFigures]] = [{c.label: c for c in s.classes} for s in figures]
    for label in sides[0]:
        rows.add_row(text(f"F1 {label}"), *(plain(side[label].f1) for side in sides))
    Console().print(rows)
    click.echo(
        f"both right {verdict.both}, only A {verdict.only_a}, only B {verdict.only_b}, "
        f"neither {verdict.neither}"
    )
    click.echo(verdict.words())
