"""Counts detections of the ready models on fresh synthesised sounds and on unrelated recordings.

    python bench/seeds.py smart_lock keyword on_off micro_speech fire_alarm_transfer [--events 60]

Models that are not trained yet are trained first. A .tflite file from `host adopt` works as well.
The chip's C code runs on this computer. The recordings are in $OTOLITH_DATA: ESC-10, FSDD (spoken
digits) and speech (one yes and one no). Every event in them is a false one, except for the words in
speech. The result is deterministic.
"""

import argparse
from pathlib import Path

import numpy as np

from otolith.audio import read_pcm
from otolith.compile.metadata import read_metadata
from otolith.data.synthetic import clip
from otolith.deploy.scenario import Detection, Segment, concatenate, judge
from otolith.listen.chain import Chain
from otolith.listen.ending import memory_ms
from otolith.paths import MODELS, test_data
from otolith.settings.spec import load
from otolith.synth import alarm, alarms

RATE = 16000
SEED = 0xBE4C


def heard(chain: Chain, pcm: np.ndarray) -> list[Detection]:
    """The detections that the chip would report."""
    chain.reset()
    hops = (hop for hop in chain.run(pcm) if hop.event)
    return [Detection(hop.t_ms, hop.event[0], hop.event[1] / 32767) for hop in hops]


def fresh(spec, chain: Chain, memory: float, events: int) -> None:
    """Tests fresh clips that no set contains, each between two clips of a quiet class."""
    told = [c for c in spec.model.classes if c in spec.detect.thresholds]
    quiet = [c for c in spec.model.classes if c not in told]
    segments = []
    for number in range(events * len(told)):
        for place, name in enumerate((quiet[number % len(quiet)], told[number % len(told)])):
            pcm = clip(spec, name, round(1.5 * RATE), "test", (SEED, number, place))
            segments.append(Segment(name, name if place else None, pcm))
    outcomes = judge(segments, heard(chain, concatenate(segments)), memory)
    for label in told:
        mine = [o for o in outcomes if o.label == label]
        found = [o.latency_ms for o in mine if o.first]
        wrong = sum(bool(o.wrong) for o in mine)
        print(
            f"  {label:<10} {len(found):3} of {len(mine)} heard, median "
            f"{np.median(found or [0]):4.0f} ms after the clip began; with a wrong event beside "
            f"{wrong}"
        )
    for name in quiet:
        mine = [o for o in outcomes if o.name == name]
        minutes = len(mine) * 1.5 / 60
        print(f"  {name:<10} {sum(len(o.wrong) for o in mine):3} false events in {minutes:.1f} min")


def of_alarms(chain: Chain, events: int, synth: str) -> None:
    """Tests fresh alarms of 8 s that no set contains, each after 5 s of background."""
    made = alarm if synth == "alarm" else alarms
    found = false = 0
    for number in range(events):
        rng = np.random.default_rng((SEED, number))
        quiet, loud = made.background_clip(rng, 5 * RATE), made.alarm_clip(rng, 8 * RATE)
        told = heard(chain, np.concatenate([quiet, loud]))
        false += sum(e.t_ms <= 5000 for e in told)
        found += any(e.t_ms > 5000 for e in told)
    print(f"  alarms: {found} of {events} heard; {false} false in {events * 5 / 60:.1f} min")


def real(chain: Chain, name: str, files: list, gap_s: float) -> None:
    """Tests recordings in a row, with gap_s seconds of silence after each."""
    if not files:
        print(f"  {name}: not here")
        return
    gap = np.zeros(round(gap_s * RATE), np.int16)
    parts = [part for file in files for part in (read_pcm(file, resample=True), gap)]
    pcm = np.concatenate(parts)
    events = heard(chain, pcm)
    counts = {label: sum(e.label == label for e in events) for label in chain.labels}
    told = ", ".join(f"{count} {label}" for label, count in counts.items() if count)
    print(
        f"  {name}: {len(files)} recordings, {len(pcm) / RATE / 60:.1f} min: {len(events)} false "
        f"events{': ' + told if told else ''}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("models", nargs="+")
    parser.add_argument("--events", type=int, default=60)
    options = parser.parse_args()
    data = test_data()
    for name in options.models:
        adopted = name.endswith(".tflite")
        spec = None if adopted else load(MODELS / name)
        file = Path(name) if adopted else MODELS / name / f"{name}.tflite"
        if spec and not file.exists():
            from otolith.train import train

            train(spec, MODELS / name)
        model = file.read_bytes()
        metadata = read_metadata(model)
        chain = Chain(model)
        origin = metadata.other.get("data", "something else")
        print(f"{file.stem} {chain.network.digest}, trained on {origin}")
        if spec and spec.data.synth in ("alarm", "alarms"):
            of_alarms(chain, options.events, spec.data.synth)
        elif spec and spec.data.synth:
            fresh(spec, chain, memory_ms(metadata), options.events)
        real(chain, "ESC-10", sorted((data / "esc10").rglob("*.ogg")), 0)
        real(chain, "FSDD, every third word", sorted((data / "fsdd").glob("*.wav"))[::3], 0.6)
        for file in sorted((data / "speech").glob("*.wav")):
            pcm = np.concatenate(
                [np.zeros(RATE, np.int16), read_pcm(file), np.zeros(RATE, np.int16)]
            )
            said = ", ".join(f"{e.label} {e.score:.2f}" for e in heard(chain, pcm))
            print(f"  speech/{file.name}: {said or 'nothing'}")


if __name__ == "__main__":
    main()
