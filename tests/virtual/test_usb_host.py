"""The computer at the virtual Pico's USB port: transfers, the bus, frames, the serial number."""

import hashlib

import pytest

from otolith.device import Client, VirtualTransport
from otolith.virtual.rp2040 import VirtualPico
from otolith.virtual.rp2040.pico import FLASH_ID

RATE = 16_000
AUDIO_STREAM, CONSOLE = 1, 2  # interfaces of the USB microphone
DEVICE, CONFIGURATION, STRING = 1, 2, 3


@pytest.fixture
def board(mic_image, powered):
    board = powered(mic_image)
    board.run_ms(40)
    assert board.ready
    return board


def descriptor(board, kind, length, index=0, **how):
    language = 0x409 if kind == STRING else 0
    return board.control(0x80, 6, kind << 8 | index, language, length, **how)


def kinds(board) -> list[str]:
    return [event.kind for event in board.events]


# ---- control transfers ----


def test_answer_comes_in_as_many_packets_as_it_takes(board):
    head = descriptor(board, CONFIGURATION, 9).data
    total = int.from_bytes(head[2:4], "little")
    assert len(head) == 9 and total > 128  # more than two packets of 64
    whole = descriptor(board, CONFIGURATION, total).data
    assert len(whole) == total and whole[:9] == head
    # as many packets as requested, whatever the size of the last one, up to the end of the data
    for length in (1, 63, 64, 65, 127, 128, 129, total - 1, 255, 1000, 65535):
        answer = descriptor(board, CONFIGURATION, length)
        assert (answer.status, answer.data) == ("ok", whole[:length])


def test_refused_request_is_a_stall_and_the_next_one_is_answered(board):
    device = descriptor(board, DEVICE, 18)
    for _ in range(3):
        assert descriptor(board, STRING, 255, index=200).status == "stall"
        assert board.control(0xC0, 0x55, 0, 0, 4).status == "stall"
        assert board.control(0x40, 0x55, 0, 0, b"data").status == "stall"
        assert board.control(0x40, 0x55, 0, 0).status == "stall"
        assert descriptor(board, DEVICE, 18) == device


def test_data_goes_out_and_comes_back(board):
    coding = (9600).to_bytes(4, "little") + b"\x00\x00\x08"
    assert board.control(0x21, 0x20, 0, CONSOLE, coding).status == "ok"
    assert board.control(0xA1, 0x21, 0, CONSOLE, 7).data == coding
    # the announced length is greater than the data sent, then smaller
    board.control(0x21, 0x20, 0, CONSOLE, coding, length=300)
    board.control(0x21, 0x20, 0, CONSOLE, coding, length=3)
    assert descriptor(board, DEVICE, 18).status == "ok"


def test_transfer_given_up_on_ends_where_it_is(board):
    whole = descriptor(board, CONFIGURATION, 1000).data
    for packets in range(3):
        part = descriptor(board, CONFIGURATION, 1000, abandon=packets)
        assert (part.status, part.data) == ("abandoned", whole[: 64 * packets])
        assert descriptor(board, DEVICE, 18).status == "ok"
    assert board.control(0x21, 0x20, 0, CONSOLE, bytes(7), abandon=1).status == "abandoned"
    assert descriptor(board, CONFIGURATION, 1000).data == whole


def test_transfer_takes_its_time_and_no_more(board):
    """A device that does not answer causes a time-out, not a hang."""
    start = board.time_ms
    descriptor(board, DEVICE, 18)
    assert 0.1 < board.time_ms - start < 2
    board.usb_suspend()
    start = board.time_ms
    assert descriptor(board, DEVICE, 18).status == "timeout"
    assert board.time_ms - start <= 100
    board.usb_resume()
    board.run_ms(30)
    assert descriptor(board, DEVICE, 18).status == "ok"


def test_board_without_usb_times_out(mic_image):
    with VirtualPico(mic_image) as board:  # not started yet
        assert descriptor(board, DEVICE, 18).status == "timeout"
        assert board.time_ms <= 100
        board.run_ms(60)
        assert board.ready
        Client(VirtualTransport(board)).command("bootsel")
        board.run_ms(300)
        assert board.in_bootloader
        assert descriptor(board, DEVICE, 18).status == "timeout"


# ---- the bus ----


def test_no_frame_comes_while_the_bus_sleeps(board):
    board.run_ms(50)
    board.usb_suspend()
    before = len(board.packets)
    board.run_ms(500)
    assert len(board.packets) == before
    missed = board.missed_frames
    board.usb_resume()
    board.run_ms(15)  # still signalling resume
    assert len(board.packets) == before
    board.run_ms(100)
    assert len(board.packets) > before + 80
    assert board.missed_frames - missed <= 20  # until the firmware has restarted its microphone
    assert kinds(board).count("usb") == 1  # it keeps its address and configuration
    assert Client(VirtualTransport(board)).hello()["app"] == "usb_mic"


def test_suspend_is_noticed_after_three_milliseconds(board):
    board.run_ms(20)
    board.usb_suspend()
    board.run_ms(2.9)
    assert board.led[-1][1] == pytest.approx(1, abs=1e-3)
    slept = board.time_ms
    board.run_ms(5)
    assert board.led[-1][1] == 0 and board.led[-1][0] >= slept


def test_short_pause_of_frames_is_no_suspend(board):
    board.run_ms(20)
    changes = len(board.led)
    board.usb_suspend()
    board.run_ms(2)
    board.usb_resume()
    board.run_ms(60)
    assert len(board.led) == changes
    assert board.packets[-1][0] > 0 and kinds(board) == ["usb"]


def test_line_sent_to_a_sleeping_board_arrives_when_it_wakes(board):
    board.read()
    board.usb_suspend()
    board.run_ms(20)
    board.write(b"version\n")
    board.run_ms(100)
    assert board.read() == b""
    board.usb_resume()
    board.run_ms(60)
    assert b'"version"' in board.read()


@pytest.mark.parametrize("image", ["mic_image", "inference_image"])
def test_reset_enumerates_anew(request, image):
    with VirtualPico(request.getfixturevalue(image)) as board:
        board.run_ms(40)
        for times in range(1, 4):
            assert board.ready and kinds(board).count("usb") == times
            board.usb_reset()
            assert not board.ready
            board.run_ms(60)
        assert Client(VirtualTransport(board)).hello()["event"] == "hello"
        assert "reset" not in kinds(board) and "fault" not in kinds(board)


def test_reset_wakes_a_sleeping_bus_and_ends_a_transfer(board):
    board.usb_suspend()
    board.run_ms(50)
    board.usb_reset()
    board.run_ms(60)
    assert board.ready and kinds(board).count("usb") == 2
    descriptor(board, CONFIGURATION, 1000, abandon=1)
    board.usb_reset()
    board.run_ms(60)
    assert board.ready and descriptor(board, DEVICE, 18).status == "ok"


def test_replugged_board_starts_again(board):
    Client(VirtualTransport(board)).command("counter on")
    time = board.time_ms
    board.replug()
    assert not board.ready
    board.run_ms(60)
    assert board.ready and board.time_ms > time
    assert kinds(board) == ["usb", "power", "usb"]
    hello = Client(VirtualTransport(board)).hello()
    assert hello["app"] == "usb_mic"
    board.usb_suspend()  # and again, with the bus already suspended
    board.run_ms(10)
    board.replug()
    board.run_ms(60)
    assert board.ready


# ---- the microphone's stream ----


def test_stream_opens_when_told_if_not_by_itself(mic_image):
    with VirtualPico(mic_image, usb_open=False) as board:
        board.run_ms(200)
        assert board.ready and board.packets == [] and board.missed_frames == 0
        assert board.control(0x01, 11, 1, AUDIO_STREAM).status == "ok"
        board.run_ms(100)
        assert len(board.packets) >= 95
        assert board.control(0x01, 11, 0, AUDIO_STREAM).status == "ok"
        count = len(board.packets)
        board.run_ms(100)
        assert len(board.packets) == count and board.missed_frames == 0


def test_each_packet_is_listed_with_its_frame(board):
    board.run_ms(500)
    frames = [frame for frame, _ in board.packets]
    assert frames == list(range(frames[0], frames[0] + len(frames)))
    assert len(frames) == pytest.approx(500, abs=40)
    assert sum(size for _, size in board.packets) == 2 * len(board.read_audio())
    assert board.missed_frames == 0


def test_frames_without_a_packet_are_counted(mic_image):
    """Frames come every 50 us, too fast for the board."""
    with VirtualPico(mic_image, usb_ppm=19e6) as board:
        board.run_ms(60)
        assert board.ready
        board.run_ms(40)
        before, missed = len(board.packets), board.missed_frames
        board.run_ms(100)
        taken, missed = len(board.packets) - before, board.missed_frames - missed
        assert missed > 0 and taken > 0
        assert taken + missed == pytest.approx(2000, abs=1)


@pytest.mark.parametrize("ppm", [-2000, 0, 2000])
def test_frames_follow_the_computers_clock(mic_image, ppm):
    with VirtualPico(mic_image, usb_ppm=ppm) as board:
        board.run_ms(100)
        first = board.packets[-1][0]
        board.run_ms(1500)
        assert board.packets[-1][0] - first == pytest.approx(1500 * (1 + ppm / 1e6), abs=1)


def test_kept_bits_are_all_the_microphone_gave(mic_image):
    with VirtualPico(mic_image, keep_bits=True) as board:
        total = b""
        for ms in (50, 0.5, 7, 33.3):
            board.run_ms(ms)
            total += board.read_bits()
        assert 8 * len(total) == board.microphone_bits > 0
        assert board.read_bits() == b""
        rate = board.microphone_bits
        board.run_ms(250)
        assert board.microphone_bits - rate == pytest.approx(64 * RATE / 4, abs=64)


# ---- the board's number ----


def test_serial_number_is_the_flash_chips(mic_image):
    for number in (FLASH_ID, bytes(range(0xF1, 0xF9)), bytes(8)):
        with VirtualPico(mic_image, flash_id=number) as board:
            board.run_ms(40)
            assert board.usb_device["strings"][2] == number.hex().upper()
            text = descriptor(board, STRING, 255, index=descriptor(board, DEVICE, 18).data[16]).data
            assert text[2:].decode("utf-16-le") == number.hex().upper()


# ---- the same calls, the same bytes ----


def story(image) -> str:
    """Everything that happens in a board's run, as a digest."""
    digest = hashlib.sha256()
    with VirtualPico(image, usb_ppm=123, keep_bits=True) as board:
        board.run_ms(50)
        for step in range(3):
            board.write(b"stats\n")
            descriptor(board, CONFIGURATION, 1000, abandon=step)
            board.run_ms(17.3)
            board.usb_suspend()
            board.run_ms(11)
            board.usb_resume()
            board.run_ms(40)
        board.usb_reset()
        board.run_ms(60)
        board.replug()
        board.run_ms(60.01)
        for part in (board.read(), board.read_bits(), board.read_audio().tobytes()):
            assert part
            digest.update(part)
        digest.update(repr((board.packets, board.events, board.led, board.cycles)).encode())
        return digest.hexdigest()


def test_same_calls_give_the_same_bytes(mic_image):
    assert story(mic_image) == story(mic_image)
