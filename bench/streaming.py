"""Measures how much of a full pass a hop needs, and the fire-alarm app with and without kept rows.

    python bench/streaming.py          # multiply-accumulates, of any network here
    python bench/streaming.py app      # also on the virtual Pico, emulated milliseconds

Needs models/fire_alarm/fire_alarm.tflite (`host train models/fire_alarm`); the shared networks come
from $OTOLITH_MODELS. Deterministic. tests/unit/test_streaming.py counts the multiplications as they
happen. Not modelled on the virtual Pico: the second core, RAM bank contention.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path

from otolith.compile import model_hash, schedule_model
from otolith.compile.metadata import read_metadata, write_metadata
from otolith.features import preset
from otolith.firmware.build import build
from otolith.paths import MODELS, test_models
from otolith.settings.deploy import Deploy
from otolith.settings.detect import Detect
from otolith.settings.metadata import Metadata
from otolith.summarize.profile import profile_image, whole_app
from otolith.summarize.report import compiled_report

OWN = MODELS / "fire_alarm" / "fire_alarm.tflite"
SHARED = (("kws_ref", (1, 2, 4)), ("micro_speech", (1, 2)), ("mltk_micro_speech", (5,)))
SHARED += (("fire_alarm", (4,)),)


def macs() -> None:
    """Prints figures of each network and hop, then of each layer of the two main ones."""
    cases = [("own fire_alarm", OWN, 4)]
    for name, hops in SHARED:
        cases += [(name, test_models() / f"{name}.tflite", hop) for hop in hops]
    print(f"{'network':<20}{'hop':>4}{'full':>12}{'a hop':>12}{'share':>8}{'kept':>8}{'hops':>6}")
    reports = {}
    for name, file, hop in cases:
        report = compiled_report(schedule_model(file.read_bytes(), name, hop=hop))
        reports[name, hop] = report
        found, full = report["stream"], report["macs"]
        print(
            f"{name:<20}{hop:>4}{full:>12,}{found['macs']:>12,}{found['macs'] / full:>8.1%}"
            f"{found['kept']:>8,}{found['history']:>6}"
        )
    print("kept: bytes of RAM; hops: how many are computed whole before the first that is not")
    for case in (("own fire_alarm", 4), ("kws_ref", 2)):
        report = reports[case]
        print(f"\n{case[0]}, a hop of {case[1]}")
        print(f"{'operation':<20}{'full':>12}{'a hop':>12}{'rows':>10}{'kept':>8}{'from':>6}")
        for step, hop in zip(report["operations"], report["stream"]["operations"], strict=True):
            print(
                f"{step['name']:<20}{step['macs']:>12,}{hop['macs']:>12,}"
                f"{hop['computed']:>5} of {hop['rows']:>2}{hop['kept']:>8,}{hop['phases']:>6}"
            )


def keywords() -> None:
    """Profiles kws_ref at a hop of 2 on the virtual Pico, with the front end nearest to its own."""
    data = (test_models() / "kws_ref.tflite").read_bytes()
    classes = tuple(f"word {number}" for number in range(12))
    metadata = Metadata(preset("keyword", bands=10), Detect({}), Deploy(2), classes, "kws_ref")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "kws_ref.tflite"
        model.write_bytes(write_metadata(data, metadata))
        schedule = schedule_model(model.read_bytes(), "kws_ref", "m0plus")
        found = profile_image(build("pico-bench", model).uf2, schedule)
    print(
        f"\nkws_ref on the virtual Pico: a window {found.cycles:,} cycles ({found.ms:.1f} ms), a "
        f"hop {found.hop_cycles:,} ({found.ms_a_hop:.1f} ms), {found.hop_cycles / found.cycles:.1%}"
    )


def app() -> None:
    """Measures the fire-alarm app as it is, and with every window computed whole."""
    metadata = read_metadata(OWN.read_bytes())
    assert metadata is not None
    for name, stream in (("keeping rows", True), ("whole windows", False)):
        data = write_metadata(
            OWN.read_bytes(),
            dataclasses.replace(
                metadata, deploy=dataclasses.replace(metadata.deploy, stream=stream)
            ),
        )
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "fire_alarm.tflite"
            model.write_bytes(data)
            found = whole_app(build("pico", model).uf2, model_hash(data), "pico", 1000)
        spent = sum(found[f"{part}_ms"] for part in ("pdm", "feature", "infer"))
        print(
            f"\nfire_alarm app, {name}: a hop of 32 ms takes {spent:.2f} ms: microphone "
            f"{found['pdm_ms']:.2f}, features {found['feature_ms']:.2f}, network and decision "
            f"{found['infer_ms']:.2f}; CPU {found['cpu']:.1%}, {found['overruns']} overruns"
        )


if __name__ == "__main__":
    macs()
    if "app" in sys.argv[1:]:
        app()
        keywords()
