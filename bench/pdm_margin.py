"""Measures how much time the Pico's PIO program leaves to a PDM microphone.

    python bench/pdm_margin.py          # its output is kept in bench/results/pdm_margin.txt

The program is that of the running image. The virtual microphone's data is valid from 125 ns after
the clock edge that begins its half of the period, the latest in the data sheets, to 0 ns after the
edge that ends it. A pin reaches a state machine two cycles later (RP2040 datasheet, 3.5.6.3), and
the divider's fraction moves edges by a cycle. Not modelled: slopes of the edges, wires, pads.
"""

from otolith.firmware import build as firmware
from otolith.virtual.rp2040 import PdmTiming, VirtualPico

CLOCKS = (1.0e6, 1.024e6, 1.536e6, 2.048e6, 2.4e6, 3.072e6, 3.25e6)
WORST = PdmTiming(125.0, 0.0)


def main() -> None:
    """Print the table."""
    image = firmware.build("pico-mic").uf2
    with VirtualPico(image) as board:
        board.run_ms(30)
        print("python bench/pdm_margin.py\n")
        print("clock, MHz  SELECT  wrong bits  left before the read, ns  left after it, ns  latest")
        for hz in CLOCKS:
            for right in (False, True):
                found = board.pdm_margin(hz, WORST, right)
                print(
                    f"{found.clock_hz / 1e6:10.4f}  {'high' if right else 'low':>6}  "
                    f"{found.wrong:>10}  {found.setup_ns:>24.0f}  {found.hold_ns:>17.0f}  "
                    f"{found.setup_ns + WORST.valid:>4.0f} ns"
                )
    print(
        "\nOtolith's images clock at 1.024 MHz. latest: the latest valid data that is read right."
    )


if __name__ == "__main__":
    main()
