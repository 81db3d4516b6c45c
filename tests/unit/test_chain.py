"""otolith.native: the chain against its parts combined in Python, and building libraries."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from otolith import paths
from otolith.compile.engine import HostModel
from otolith.errors import UserError
from otolith.features import extract, input_quantizer, quantize
from otolith.listen.chain import Chain
from otolith.native import build, library
from support.chain_model import FRAMES, HOP, HOP_FRAMES, METADATA, SCALE, ZERO, network, sound
from support.front_ends import SPECTROGRAM
from support.tflite_builder import ModelBuilder


def expected(model: bytes, pcm: np.ndarray):
    """The results of each hop, from the parts and a decision made here.

    Yields (level, features, q, scores, smoothed, event).
    """
    detect = METADATA["detect"]
    threshold = round(32767 * detect["thresholds"]["loud"])
    net = HostModel(model)
    features = extract(pcm, SPECTROGRAM)
    window = quantize(features, input_quantizer(SPECTROGRAM, SCALE, ZERO))
    history, suppressed = [], 0
    for hop in range(len(pcm) // HOP):
        block = pcm[hop * HOP : (hop + 1) * HOP].astype(int)
        level = int(np.abs(block).sum()) // HOP
        # the first frame needs two hops of the front end
        first, last = max(0, HOP_FRAMES * hop - 1), HOP_FRAMES * (hop + 1) - 1
        if last < FRAMES:
            yield level, features[first:last], None, None, None, None
            continue
        shape = net.input_shapes[0]
        q = net.invoke(window[last - FRAMES : last].reshape(shape)).ravel()
        scores = [(int(v) + 128) * 128 for v in q]  # scale 1/256, Q15
        if len(scores) == 1:
            scores = [32767 - scores[0], scores[0]]
        history.append(scores if level >= detect["gate"] else [0, 0])
        recent = history[-detect["smoothing"] :]
        smoothed = [sum(s[i] for s in recent) // len(recent) for i in range(2)]
        event = None
        if suppressed:
            suppressed -= 1
        elif len(recent) >= detect["minimum_count"] and smoothed[1] >= threshold:
            event, suppressed = ("loud", smoothed[1]), detect["suppression_hops"]
        yield level, features[first:last], q.tolist(), scores, smoothed, event


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_chain_equals_its_parts(outputs, tmp_path):
    path = tmp_path / "loud.tflite"
    path.write_bytes(network(outputs))
    pcm = sound()
    pcm = pcm[: len(pcm) // HOP * HOP]
    chain = Chain(path)
    assert (chain.hop, chain.labels) == (HOP, ["background", "loud"])
    hops = list(chain.run(pcm))
    parts = list(expected(path.read_bytes(), pcm))
    assert len(hops) == len(parts) == len(pcm) // HOP
    for number, (hop, part) in enumerate(zip(hops, parts, strict=True), 1):
        level, features, q, scores, smoothed, event = part
        assert (hop.hop, hop.t_ms) == (number, number * HOP * 1000 // 16000)
        assert hop.level == level
        np.testing.assert_array_equal(hop.features, features)
        for got, wanted in ((hop.q, q), (hop.scores, scores), (hop.smoothed, smoothed)):
            assert (got is None) == (wanted is None)
            assert got is None or got.tolist() == wanted
        assert hop.event == event
    assert len({str(h.q) for h in hops}) > 5 and sum(bool(h.event) for h in hops) >= 2


def test_reset_forgets_and_the_last_hop_is_padded():
    chain = Chain(network(2))
    pcm = sound()[: 40 * HOP + 5]
    first = list(chain.run(pcm))
    chain.reset()
    again = list(chain.run(np.pad(pcm, (0, HOP - 5))))
    assert len(first) == len(again) == 41
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a.features, b.features)
        assert (a.hop, a.t_ms, a.level, str(a.q), a.event) == (
            b.hop,
            b.t_ms,
            b.level,
            str(b.q),
            b.event,
        )


def test_a_skipped_hop_is_heard_by_the_front_end_alone():
    """Skipped hops still update the features; smoothing only sees the hops that were scored."""
    model, pcm = network(2), sound()
    whole = list(Chain(model).run(pcm[: len(pcm) // HOP * HOP]))
    chain, history = Chain(model), []
    for number, full in enumerate(whole):
        hop = pcm[number * HOP : (number + 1) * HOP]
        if number % 3:
            part = chain.skip(hop)
            assert part.q is part.scores is part.smoothed is part.event is None
        else:
            part = chain.push(hop)
            assert str(part.q) == str(full.q)
            if part.scores is not None:
                history.append(part.scores * (part.level >= METADATA["detect"]["gate"]))
                recent = np.array(history[-METADATA["detect"]["smoothing"] :], int)
                assert part.smoothed.tolist() == (recent.sum(0) // len(recent)).tolist()
        assert (part.hop, part.t_ms, part.level) == (full.hop, full.t_ms, full.level)
        np.testing.assert_array_equal(part.features, full.features)
    assert len(history) > 10


def test_the_window_is_what_the_network_saw():
    model, pcm = network(2), sound()
    chain, frames, seen = Chain(model), [], 0
    q = input_quantizer(SPECTROGRAM, SCALE, ZERO)
    for hop in chain.run(pcm):
        frames += list(hop.features)
        if hop.q is not None:
            seen += 1
            np.testing.assert_array_equal(chain.window(), quantize(np.array(frames[-FRAMES:]), q))
    assert seen > 50


def test_two_chains_of_one_model_do_not_meet():
    model, pcm = network(2), sound()
    alone = [str(hop.scores) for hop in Chain(model).run(pcm)]
    one, other, beside = Chain(model), Chain(model), []
    for hop in one.run(pcm):
        beside.append(str(hop.scores))
        other.push(np.zeros(HOP, np.int16))
    assert beside == alone


def test_what_is_no_hop_is_refused():
    chain = Chain(network(2))
    for pcm in (np.zeros(HOP - 1, np.int16), np.zeros(HOP, np.int32), np.zeros((1, HOP), np.int16)):
        with pytest.raises(UserError, match=f"a hop is {HOP}"):
            chain.push(pcm)


def test_a_model_without_metadata_or_file_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"gone\.tflite: No such file"):
        Chain(tmp_path / "gone.tflite")
    b = ModelBuilder()
    x, y = b.tensor([1, 4], 1.0), b.tensor([1, 4], 1.0)
    b.op("RELU", [x], [y])
    with pytest.raises(UserError, match="metadata"):
        Chain(b.build([x], [y]))


@pytest.fixture
def empty_native(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NATIVE", tmp_path / "native")
    return tmp_path


def test_threads_may_build_a_library_at_once(empty_native):
    source = empty_native / "two.c"
    source.write_text("int two(void) { return 2; }\n")
    with ThreadPoolExecutor(4) as pool:
        built = list(pool.map(lambda _: build("two", [source]), range(4)))
    assert len(set(built)) == 1
    assert [path.name for path in paths.NATIVE.iterdir()] == [built[0].name]
    _, lib = library("two", [source], [source.name], [empty_native])
    assert lib.two() == 2


def test_a_changed_header_or_flag_makes_another_library(empty_native):
    (empty_native / "number.h").write_text("#define NUMBER 1\n")
    source = empty_native / "number.c"
    source.write_text('#include "number.h"\nint number(void) { return NUMBER + MORE; }\n')
    numbers = []
    for header, more in ((1, 0), (5, 0), (5, 2)):
        (empty_native / "number.h").write_text(f"#define NUMBER {header}\n")
        _, lib = library(
            "number", [source], [source.name], [empty_native], flags=[f"-DMORE={more}"]
        )
        numbers.append(lib.number())
    assert numbers == [1, 5, 7]


def test_static_variables_are_shared_unless_private(empty_native):
    source = empty_native / "count.c"
    source.write_text("static int n; int count(void) { return ++n; }\n")
    loads = [
        library("count", [source], [source.name], [empty_native], private=p)[1]
        for p in (0, 0, 1, 1)
    ]
    assert [lib.count() for lib in loads] == [1, 2, 1, 1]


def test_c_that_does_not_compile_is_one_line_and_leaves_nothing(empty_native, monkeypatch):
    source = empty_native / "bad.c"
    source.write_text("int bad(void) { return nothing; }\n")
    with pytest.raises(UserError, match="nothing") as error:
        build("bad", [source])
    assert "\n" not in error.value.message
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(UserError, match="no-such-compiler is missing"):
        build("bad", [source])
    with pytest.raises(UserError, match=r"gone\.c: No such file"):
        build("gone", [empty_native / "gone.c"])
    assert not list(paths.NATIVE.iterdir())
