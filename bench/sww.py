"""MLPerf Tiny's streaming wake word: the reference network, one hop on each emulated core.

    python bench/sww.py str_ww_ref_model.tflite

The network is in mlcommons/tiny, benchmark/training/streaming_wakeword/trained_models. It takes 30
frames of 40 log filter-bank energies, one every 32 ms, so a hop is one frame. This measures the
network's part of a hop, with kept rows. The benchmark's own front end (windows of 64 ms, a
1024-point FFT in float) is not built: lib/features takes windows of up to 512 samples.
Deterministic. Not modelled: flash wait states, the second core, bus contention.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from otolith.compile import schedule_model
from otolith.compile.metadata import write_metadata
from otolith.firmware.build import build
from otolith.settings.deploy import Deploy
from otolith.settings.detect import Detect
from otolith.settings.features import preset
from otolith.settings.metadata import Metadata
from otolith.summarize.profile import profile_image

BOARDS = {"pico": "cycles", "mps2_an386": "instructions", "mps2_an505": "instructions"}
CLASSES = ("marvin", "silence", "other")


def main(model: Path) -> None:
    """Prints the cost of a window and of a hop on each board."""
    front_end = replace(preset("micro_speech"), window=512, hop=512, frames=30)
    metadata = Metadata(front_end, Detect({"marvin": 0.5}), Deploy(1), CLASSES, "sww")
    data = write_metadata(model.read_bytes(), metadata)
    schedule = schedule_model(data, "sww")
    assert schedule.stream is not None
    print(
        f"{model.name}: {schedule.macs:,} MACs a window, {schedule.stream.macs:,} a hop of 32 ms, "
        f"{schedule.stream.kept:,} bytes of kept rows"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sww.tflite"
        file.write_bytes(data)
        for board, unit in BOARDS.items():
            firmware = build(f"{board}-bench", file)
            image = firmware.uf2 if board == "pico" else firmware.elf
            found = profile_image(image, schedule, board)
            print(
                f"{board}: a window {found.cycles:,} {unit}, the network of a hop "
                f"{found.hop_cycles:,}",
                flush=True,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
