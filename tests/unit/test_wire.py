"""lib/wire, compiled for this computer: framing, receiver, JSON, commands, session."""

import json
import random
import struct
import subprocess
import zlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otolith import native
from otolith.device.frames import decode_frame, encode_frame
from otolith.paths import LIB, ROOT

SOURCES = [
    LIB / "wire" / "src" / name
    for name in ("frame.c", "receiver.c", "json.c", "command.c", "session.c")
]
LINE, FRAME, LONG_LINE, CUT_LINE, BAD_FRAME = range(1, 6)
MAX_FRAME = 1039

ffi, lib = native.library("wire", SOURCES, ("wire.h",), include=[LIB / "wire" / "src"])

kinds = st.sampled_from("PFT")
sequences = st.integers(0, 0xFFFF)
data = st.binary(max_size=1024)


def encode(kind, sequence, content):
    frame = ffi.new("uint8_t[]", MAX_FRAME)
    size = lib.wire_encode(ord(kind), sequence, content, len(content), frame)
    return bytes(ffi.buffer(frame, size))


def receive(stream):
    """Events of a fresh receiver, with their payloads."""
    receiver = ffi.new("wire_receiver_t *")
    lib.wire_receiver_init(receiver)
    events = []
    for byte in stream:
        event = lib.wire_receive(receiver, byte)
        if event == LINE:
            events.append((LINE, ffi.string(receiver.line)))
        elif event == FRAME:
            events.append((FRAME, bytes(receiver.payload[0 : receiver.payload_size])))
        elif event:
            events.append((event, b""))
    return events


def payload(kind, sequence, content):
    return struct.pack("<BBH", ord(kind), 0, sequence) + content


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_crc_is_zlibs_and_can_be_continued(a, b):
    assert lib.wire_crc32(lib.wire_crc32(0, a, len(a)), b, len(b)) == zlib.crc32(a + b)


@given(kinds, sequences, data)
@example("P", 0, b"\0" * 1024)
@example("P", 0xFFFF, b"\xff" * 1024)
@example("T", 0x0101, bytes(range(1, 255)))
@example("T", 0x0101, b"x" * 251 + b"\0")
def test_frames_survive_both_ways_and_both_implementations_agree(kind, sequence, content):
    frame = encode(kind, sequence, content)
    assert len(frame) <= MAX_FRAME
    assert 0 not in frame[1:-1]
    assert receive(frame) == [(FRAME, payload(kind, sequence, content))]
    ours = encode_frame(kind, sequence, content)
    assert receive(ours) == [(FRAME, payload(kind, sequence, content))]
    decoded = decode_frame(frame[1:-1])
    assert (decoded.type, decoded.sequence, decoded.data) == (kind, sequence, content)


def test_too_much_data_is_not_encoded():
    assert encode("P", 0, b"x" * 1025) == b""


@given(st.binary(max_size=3000))
def test_after_any_garbage_the_start_of_line_sequence_leads_to_the_next_line(garbage):
    assert receive(garbage + b"\0\0\nhello\n")[-1] == (LINE, b"hello")


@given(st.binary(max_size=300).map(lambda b: b.replace(b"\0", b"")))
def test_after_garbage_without_zeros_a_new_line_is_enough(garbage):
    assert receive(garbage + b"\nhello\r\n")[-1] == (LINE, b"hello")


@given(st.binary(max_size=3000), data)
def test_after_any_garbage_the_second_frame_is_received(garbage, content):
    frame = encode("P", 7, content)
    assert receive(garbage + frame + frame)[-1] == (FRAME, payload("P", 7, content))


@given(data, st.integers(0, 2000), st.integers(1, 255))
def test_a_changed_frame_is_never_taken_for_another(content, where, flip):
    frame = bytearray(encode("P", 1, content))
    frame[where % len(frame)] ^= flip
    assert (FRAME, payload("P", 1, content)) not in receive(bytes(frame))
    assert all(event != FRAME for event, _ in receive(bytes(frame)))


def test_a_stray_zero_before_text_costs_nothing_but_the_cut_line():
    assert receive(b"\0stats\n") == [(LINE, b"stats")]
    assert receive(b"sta\0stats\n") == [(CUT_LINE, b""), (LINE, b"stats")]


def test_lines_up_to_96_bytes_and_no_longer():
    assert receive(b"x" * 95 + b"\n") == [(LINE, b"x" * 95)]
    assert receive(b"x" * 96 + b"\nok\n") == [(LONG_LINE, b""), (LINE, b"ok")]
    assert receive(b"x" * 5000 + b"\nok\n") == [(LONG_LINE, b""), (LINE, b"ok")]


def test_empty_lines_say_nothing():
    assert receive(b"\n\r\n\n") == []


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    """wire_receive as a program with AddressSanitizer and UBSan."""
    program = tmp_path_factory.mktemp("wire") / "wire_receive"
    command = ["cc", "-std=c11", "-g", "-O1", "-fsanitize=address,undefined"]
    command += ["-fno-sanitize-recover=all", f"-I{LIB / 'wire' / 'src'}", "-o", program]
    command += [ROOT / "tests" / "support" / "wire_receive.c", *SOURCES[:2]]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode and "sanitize" in built.stderr:
        pytest.skip("this compiler has no AddressSanitizer")
    assert built.returncode == 0, built.stderr
    return program


@pytest.mark.parametrize("seed", range(5))
def test_no_garbage_makes_the_receiver_leave_its_buffers(harness, seed):
    """Frames and lines, truncated, joined, mutated and mixed with noise, under sanitizers."""
    rng = random.Random(seed)
    stream = bytearray()
    while len(stream) < 300_000:
        kind = rng.randrange(5)
        size = rng.choice([0, 1, 95, 96, 97, 253, 254, 255, 1023, 1024])
        content = rng.randbytes(size)
        if kind == 0:
            stream += content
        elif kind == 1:
            stream += content.replace(b"\0", b"x") + b"\n"
        else:
            frame = bytearray(encode("P", rng.randrange(65536), content))
            if kind == 2:
                frame[rng.randrange(len(frame))] = rng.randrange(256)
            elif kind == 3:
                del frame[rng.randrange(len(frame)) :]
            stream += frame
    stream += b"\0\0\nlast line\n"
    done = subprocess.run([harness], input=bytes(stream), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert done.stdout.splitlines()[-1] == b"line " + b"last line".hex().encode()


# ---- JSON ----


def json_line(fill, size=4096, event="x"):
    text = ffi.new("char[]", size + 1)
    text[size] = b"#"  # the writer must not touch bytes behind its buffer
    line = ffi.new("json_t *")
    lib.json_open(line, text, size, event.encode())
    fill(line)
    length = lib.json_close(line)
    assert text[size] == b"#"
    return bytes(ffi.buffer(text, length))


@given(st.binary(max_size=200).map(lambda b: b.replace(b"\0", b"")))
def test_any_text_becomes_valid_json(text):
    line = json_line(lambda j: lib.json_text(j, b"key", text))
    assert line.endswith(b"}\n") and line.count(b"\n") == 1
    assert json.loads(line) == {"event": "x", "key": text.decode("latin-1")}


@given(
    st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**32 - 1), st.lists(st.integers(-128, 127))
)
def test_numbers_and_arrays(signed, unsigned, items):
    def fill(line):
        lib.json_signed(line, b"s", signed)
        lib.json_unsigned(line, b"u", unsigned)
        lib.json_array(line, b"a")
        for item in items:
            lib.json_item_signed(line, item)
        lib.json_array_end(line)
        lib.json_thousandths(line, b"t", unsigned)

    assert json.loads(json_line(fill)) == {
        "event": "x",
        "s": signed,
        "u": unsigned,
        "a": items,
        "t": unsigned / 1000,
    }


def test_objects_truth_and_nothing():
    def fill(line):
        lib.json_object(line, b"o")
        lib.json_boolean(line, b"yes", True)
        lib.json_boolean(line, b"no", False)
        lib.json_array(line, b"a")
        for value, decimals in ((0, 1), (8, 1), (80001, 5), (100000, 5), (3, 5)):
            lib.json_item_decimal(line, value, decimals)
        lib.json_array_end(line)
        lib.json_object_end(line)
        lib.json_object(line, b"empty")
        lib.json_object_end(line)
        lib.json_null(line, b"n")

    assert json_line(fill) == (
        b'{"event":"x","o":{"yes":true,"no":false,"a":[0.0,0.8,0.80001,1.00000,0.00003]},'
        b'"empty":{},"n":null}\n'
    )


@pytest.mark.parametrize("size", range(0, 40))
def test_a_line_that_does_not_fit_is_no_line(size):
    whole = json_line(lambda j: lib.json_text(j, b"label", b"fire_alarm"))
    line = json_line(lambda j: lib.json_text(j, b"label", b"fire_alarm"), size)
    assert line == (whole if size >= len(whole) else b"")


def test_q15_is_rounded_to_thousandths():
    for q15 in range(32768):
        assert lib.json_q15_thousandths(q15) == int(1000 * q15 / 32767 + 0.5)


# ---- commands ----


class Commands:
    """Tables of three commands and one text command, which record their calls."""

    def __init__(self):
        self.ran = []
        self.names = [ffi.new("char[]", name) for name in (b"stats", b"scores", b"inject")]
        self.calls = [
            ffi.callback("void(uint32_t)", lambda v, n=n: self.ran.append((n, v)))
            for n in ("stats", "scores", "inject")
        ]
        self.table = ffi.new("wire_command_t[3]")
        for i in range(3):
            self.table[i] = (self.names[i], i, self.calls[i])
        self.text_name, self.refusal = ffi.new("char[]", b"set"), ffi.new("char[]", b"no such name")
        self.text_call = ffi.callback("const char *(const char *)", self.take)
        self.text_table = ffi.new("wire_text_command_t[1]", [(self.text_name, self.text_call)])

    def take(self, text):
        """Records the text, and rejects text that begins with "no"."""
        text = ffi.string(text)
        self.ran.append(("set", text))
        return self.refusal if text.startswith(b"no") else ffi.NULL

    def run(self, line):
        reason = lib.wire_run_command(line, self.table, 3)
        return None if reason == ffi.NULL else ffi.string(reason).decode()

    def run_text(self, line):
        """(whether it was a text command, the reason for refusing it)"""
        reason = ffi.new("const char **")
        known = lib.wire_run_text_command(line, self.text_table, 1, reason)
        return known, None if reason[0] == ffi.NULL else ffi.string(reason[0]).decode()


@pytest.mark.parametrize(
    ("line", "ran"),
    [
        (b"stats", ("stats", 0)),
        (b"scores on", ("scores", 1)),
        (b"scores off", ("scores", 0)),
        (b"inject 16000", ("inject", 16000)),
        (b"inject 4294967295", ("inject", 4294967295)),
    ],
)
def test_commands_run(line, ran):
    commands = Commands()
    assert commands.run(line) is None
    assert commands.ran == [ran]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"stat", "unknown command"),
        (b"statss", "unknown command"),
        (b" stats", "unknown command"),
        (b"STATS", "unknown command"),
        (b"\xff\xfe", "unknown command"),
        (b"stats now", "takes no argument"),
        (b"stats ", "takes no argument"),
        (b"scores", "argument must be on or off"),
        (b"scores ON", "argument must be on or off"),
        (b"inject", "argument must be a number"),
        (b"inject ", "argument must be a number"),
        (b"inject -1", "argument must be a number"),
        (b"inject 0x10", "argument must be a number"),
        (b"inject 1 2", "argument must be a number"),
        (b"inject 4294967296", "number too big"),
        (b"inject 99999999999999999999", "number too big"),
    ],
)
def test_what_is_no_command_runs_nothing(line, reason):
    commands = Commands()
    assert commands.run(line) == reason
    assert commands.ran == []


@pytest.mark.parametrize(
    "text", [b"a", b"detect.gate 300", b" a  b ", b"\xc3\xb6 0.5", b"~" * 88, b"on", b"7"]
)
def test_text_arrives_as_it_is(text):
    commands = Commands()
    assert commands.run_text(b"set " + text) == (True, None)
    assert commands.ran == [("set", text)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"set", "argument must be text"),
        (b"set ", "argument must be text"),
        (b"set " + b"x" * 89, "argument too long"),
        (b"set a\tb", "control character in the argument"),
        (b"set \x7f", "control character in the argument"),
        (b"set a\x1bb", "control character in the argument"),
    ],
)
def test_what_is_no_text_runs_nothing(line, reason):
    commands = Commands()
    assert commands.run_text(line) == (True, reason)
    assert commands.ran == []


def test_a_text_command_says_itself_why_it_did_nothing():
    assert Commands().run_text(b"set nothing 1") == (True, "no such name")


@given(st.binary(max_size=95).map(lambda b: b.replace(b"\0", b"").replace(b"\n", b"")))
def test_any_line_is_a_text_command_or_none(line):
    commands = Commands()
    known, reason = commands.run_text(line)
    assert known == (line == b"set" or line.startswith(b"set "))
    assert bool(commands.ran) <= known
    known, reason = commands.run_text(b"set " + line)
    good = 1 <= len(line) <= 88 and all(c >= 0x20 and c != 0x7F for c in line)
    assert known and (("set", line) in commands.ran) == good
    assert (reason is None) == (good and not line.startswith(b"no"))


# ---- session ----


class Device:
    """A session on a simulated port: bytes in `inbox`, space for `room` bytes, settable time."""

    def __init__(self):
        self.inbox, self.outbox = bytearray(), bytearray()
        self.room, self.time, self.is_connected = 4096, 0, True
        self.hellos, self.frames, self.kept_alive = 0, [], 0
        self.commands = Commands()
        self.callbacks = [
            ffi.callback("bool(void)", lambda: self.is_connected),
            ffi.callback("uint32_t(uint8_t *, uint32_t)", self.read),
            ffi.callback("uint32_t(const uint8_t *, uint32_t)", self.write),
            ffi.callback("uint32_t(void)", lambda: self.room),
            ffi.callback("void(void)", self.keep_alive),
            ffi.callback("uint32_t(void)", lambda: self.time),
        ]
        self.on_hello = ffi.callback("void(void)", self.hello)
        self.on_frame = ffi.callback("void(const uint8_t *, uint32_t)", self.frame)
        self.port = ffi.new("wire_port_t *", self.callbacks)
        tables = (self.commands.table, 3, self.commands.text_table, 1)
        self.app = ffi.new("wire_app_t *", (*tables, self.on_hello, self.on_frame))
        lib.wire_wait_for_room(False)
        lib.wire_session_init(self.port, self.app)

    def read(self, to, size):
        part, self.inbox = self.inbox[:size], self.inbox[size:]
        ffi.memmove(to, bytes(part), len(part))
        return len(part)

    def write(self, what, size):
        size = min(size, self.room)
        self.outbox += ffi.buffer(what, size)
        self.room -= size
        return size

    def keep_alive(self):
        self.kept_alive += 1
        self.time += 1

    def hello(self):
        self.hellos += 1

    def frame(self, what, size):
        self.frames.append(None if what == ffi.NULL else bytes(ffi.buffer(what, size)))

    def say(self, content=b""):
        self.inbox += content
        while lib.wire_session_poll():
            pass

    @property
    def lines(self):
        return [json.loads(line) for line in bytes(self.outbox).splitlines()]


def test_session_says_hello_at_each_connect():
    device = Device()
    device.say()
    device.say()
    assert device.hellos == 1
    device.is_connected = False
    device.say()
    device.is_connected = True
    device.say()
    assert device.hellos == 2


def test_session_runs_commands_and_answers_nonsense():
    device = Device()
    device.say(b"scores on\nnon\x01sense\n" + b"y" * 200 + b"\n")
    assert device.commands.ran == [("scores", 1)]
    assert device.lines == [
        {"event": "error", "reason": "unknown command", "command": "non\x01sense"},
        {"event": "error", "reason": "line too long"},
    ]


def test_session_runs_text_commands_and_tells_their_refusals():
    device = Device()
    device.say(b"set gate 3\nset\nset nothing\nsets 1\nscores on\n")
    assert device.commands.ran == [("set", b"gate 3"), ("set", b"nothing"), ("scores", 1)]
    assert device.lines == [
        {"event": "error", "reason": "argument must be text", "command": "set"},
        {"event": "error", "reason": "no such name", "command": "set nothing"},
        {"event": "error", "reason": "unknown command", "command": "sets 1"},
    ]


def test_session_handles_one_frame_at_a_time():
    device = Device()
    frame = encode_frame("P", 3, b"abc")
    lib.wire_session_poll()
    device.inbox += frame + frame
    assert lib.wire_session_poll()
    assert len(device.frames) == 1
    device.say()
    assert device.frames == [payload("P", 3, b"abc")] * 2


def test_a_frame_that_stops_in_the_middle_is_given_up():
    device = Device()
    device.say(encode_frame("P", 0, b"x" * 500)[:300])
    assert device.frames == []
    device.time += 2000
    device.say()
    assert device.frames == [None]
    device.say(b"stats\n")
    assert device.commands.ran == [("stats", 0)]


def test_without_room_lines_are_dropped_whole_and_counted():
    device = Device()
    device.say()
    device.room = 40
    for _ in range(5):
        lib.wire_send_ok(b"scores on")
    assert device.lines == [{"event": "ok", "command": "scores on"}]
    assert lib.wire_dropped() == 4
    assert not lib.wire_send_frame(ord("P"), 0, b"x" * 100, 100)
    assert lib.wire_dropped() == 5


def test_waiting_for_room_keeps_the_board_alive_and_ends():
    device = Device()
    device.say()
    device.room = 0
    lib.wire_wait_for_room(True)
    lib.wire_send_ok(b"stats")
    assert lib.wire_dropped() == 1
    assert device.kept_alive == device.time == 2000


def test_nothing_counts_as_dropped_while_nobody_listens():
    device = Device()
    device.is_connected = False
    device.say()
    lib.wire_send_ok(b"stats")
    assert lib.wire_dropped() == 0
    assert device.outbox == b""
