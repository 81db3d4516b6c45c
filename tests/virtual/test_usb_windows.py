"""The USB microphone on the virtual Pico, in the order, timings and lengths of Windows' drivers.

docs/usb_windows.md says what is known of these drivers, and what differs between TinyUSB 0.17 and
0.18. Windows itself has not met a board yet.
"""

from __future__ import annotations

import numpy as np
import pytest

from otolith.virtual.usb_host import ENUMERATIONS, OPTIONAL

CONTROL, STREAM, CONSOLE = 0, 1, 2  # interfaces
VOLUME, CLOCK = 2, 4  # units
GET, SET = 0xA1, 0x21  # class request to an interface
CUR, RANGE = 1, 2
MASTER, LEFT = 0, 1
FREQUENCY, VALID = 0x0100, 0x0200
MUTE, LEVEL = 0x0100, 0x0200


@pytest.fixture
def board(mic_image, powered):
    """A board that a computer has enumerated as Windows does; nothing is open."""
    board = powered(mic_image, usb_order=ENUMERATIONS["windows"], usb_open=False)
    board.run_ms(150)
    assert board.ready and not faults(board)
    return board


def faults(board):
    return [e for e in board.events if e.kind in ("fault", "reset", "uart")]


def setting(board, value):
    result = board.control(0x01, 11, value, STREAM, 0)
    assert result.status == "ok"


def ask(board, unit, what, kind, length):
    """A class request: status and data."""
    return board.control(GET, kind, what, unit << 8 | CONTROL, length)


@pytest.mark.slow
def test_enumeration_in_windows_order_is_answered_and_the_answers_are_whole(board):
    requests = [step for step in ENUMERATIONS["windows"] if not isinstance(step, str)]
    assert len(board.usb_answers) == len(requests)
    for request, (status, data) in zip(requests, board.usb_answers, strict=True):
        assert status == "ok" or request[2] in OPTIONAL
        assert len(data) <= request[4] or request[4] < 0
    descriptors = [
        data
        for request, (_, data) in zip(requests, board.usb_answers, strict=True)
        if request[2] == 0x200
    ]
    short, head, whole = descriptors  # 255, 9 and all bytes are asked for
    assert head == whole[:9] and short == whole[:255]
    assert len(whole) == int.from_bytes(whole[2:4], "little")


@pytest.mark.slow
def test_the_audio_driver_gets_ranges_in_two_steps_and_the_serial_driver_its_coding(board):
    setting(board, 0)
    for unit, what, size in ((CLOCK, FREQUENCY, 12), (VOLUME, LEVEL, 6)):
        count = ask(board, unit, what, RANGE, 2)  # the number of ranges alone
        assert count.status == "ok" and count.data == b"\x01\x00"
        whole = ask(board, unit, what, RANGE, 2 + size)
        assert whole.status == "ok" and len(whole.data) == 2 + size
        assert ask(board, unit, what, RANGE, 4096).data == whole.data
    rates = ask(board, CLOCK, FREQUENCY, RANGE, 14).data
    assert rates[2:6] == rates[6:10] == (16_000).to_bytes(4, "little")
    assert ask(board, CLOCK, FREQUENCY, CUR, 4).data == (16_000).to_bytes(4, "little")
    assert ask(board, CLOCK, VALID, CUR, 1).data == b"\x01"
    assert ask(board, VOLUME, MUTE, CUR, 1).data == b"\x00"
    assert ask(board, VOLUME, MUTE | LEFT, CUR, 1).status == "stall"  # there is only a master
    assert ask(board, 77, FREQUENCY, CUR, 4).status == "stall"
    # the clock can't be set, and says so in its descriptor: a driver that tries is refused
    refused = board.control(SET, CUR, FREQUENCY, CLOCK << 8, (48_000).to_bytes(4, "little"))
    assert refused.status == "stall"
    assert ask(board, CLOCK, FREQUENCY, CUR, 4).status == "ok"
    assert board.control(GET, 0x21, 0, CONSOLE, 7).status == "ok"
    coding = (115_200).to_bytes(4, "little") + b"\0\0\x08"
    assert board.control(SET, 0x20, 0, CONSOLE, coding).status == "ok"
    assert board.control(SET, 0x22, 3, CONSOLE, 0).status == "ok"
    assert not faults(board)


@pytest.mark.slow
def test_the_stream_is_opened_closed_and_opened_again_with_a_packet_waiting(board):
    """TinyUSB 0.18 alone panics here: hathach/tinyusb issue 3611."""
    rng = np.random.default_rng(3)
    board.play(rng.integers(-9000, 9000, 60_000).astype(np.int16))
    for pause_ms in (0.0, 0.2, 1.0, 3.7, 30.0, 0.0, 12.0):
        setting(board, 0)
        setting(board, 1)
        board.run_ms(pause_ms)
        setting(board, 1)  # again, without closing
        board.run_ms(pause_ms)
    board.run_ms(60)
    board.read_audio()
    before = len(board.packets)
    board.run_ms(100)
    heard = board.read_audio()
    assert not faults(board) and board.ready
    assert np.std(heard) > 2_000
    sizes = [size for _, size in board.packets[before:]]
    # a 16th of a millisecond is a sample: the largest packet has one more than 16, of 34 bytes
    assert len(sizes) == pytest.approx(100, abs=1) and max(sizes) <= 34
    setting(board, 0)
    board.run_ms(5)
    assert ask(board, CLOCK, FREQUENCY, CUR, 4).status == "ok"


@pytest.mark.slow
def test_the_clock_of_the_microphone_needs_no_open_port(mic_image, powered):
    """ArmDeveloperEcosystem/microphone-library-for-pico issue 39."""
    board = powered(mic_image, usb_open=False)
    board.set_dtr(False)
    board.run_ms(60)
    before = board.microphone_bits
    board.run_ms(100)
    assert board.microphone_bits - before == pytest.approx(102_400, abs=128)


@pytest.mark.slow
def test_the_largest_packet_has_room_for_one_sample_more(board):
    """hathach/tinyusb issue 1316, pschatzmann/arduino-audio-tools issue 2384."""
    (whole,) = {data for _, data in board.usb_answers if len(data) > 100}
    at, sizes = 0, []
    while at < len(whole):
        if whole[at + 1] == 5 and whole[at + 3] & 3 == 1:  # an isochronous endpoint
            sizes.append(int.from_bytes(whole[at + 4 : at + 6], "little"))
        at += whole[at]
    assert sizes == [2 * (16 + 1)]
