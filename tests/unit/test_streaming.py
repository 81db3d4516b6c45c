"""Sliding windows: the hop's program equals the full pass, bit for bit, with less work."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest

from otolith.compile import compile_graph, schedule_model
from otolith.compile.cores import CORES, PORTABLE
from otolith.compile.engine import HostModel
from otolith.compile.ops import lower
from otolith.compile.stream import MOST_KEPT, stream
from otolith.compile.tflite import read_graph
from otolith.errors import UserError
from otolith.features import extract, input_quantizer, preset, quantize
from otolith.listen.chain import Chain
from otolith.native.sources import lib
from otolith.paths import MODELS
from otolith.summarize.realtime import of_file, work
from support import small_models, sounds
from support.compiled_compare import equal, oracle
from support.front_end_model import network as network_behind
from support.front_end_model import sound
from support.front_ends import SPECTROGRAM, told, with_metadata
from support.random_models import SAME, Net, relu6, reshape, separable, tall
from support.skips import third_party_model
from support.soak import depth
from support.tflite_builder import ModelBuilder

BATCH = depth(18, 60)
ROUNDS = 20


def windows(rng: np.random.Generator, shape, slides: list[int]) -> list[list[np.ndarray]]:
    """One window per round, moved up by `slides[i]` rows since the previous one; 0: unrelated."""
    rows = shape[1]
    found = [rng.integers(-128, 128, shape).astype(np.int8)]
    for slide in slides[1:]:
        new = rng.integers(-128, 128, shape).astype(np.int8)
        kept = found[-1][:, slide:] if slide else new[:, :0]
        found.append(np.concatenate([kept, new], axis=1)[:, :rows])
    return [[window] for window in found]


def some_slides(rng: np.random.Generator, hop: int, rows: int) -> list[int]:
    """Mostly hops, sometimes a fresh window or another distance."""
    slides = [hop] * ROUNDS
    slides[0] = 0
    for at, slide in ((9, 0), (14, int(rng.integers(1, rows + 1)))):
        slides[at + int(rng.integers(0, 4))] = slide
    return slides


def one_window(seed: list[int]) -> Net:
    """A random network with one input."""
    for attempt in range(100):
        net = tall(np.random.default_rng([*seed, attempt]))
        if len(net.inputs) == 1:
            return net
    raise AssertionError("no network")


@pytest.mark.deep
@pytest.mark.slow
@pytest.mark.parametrize("core", list(CORES))
def test_every_hop_equals_tflm(core, tmp_path):
    number = list(CORES).index(core)
    rng = np.random.default_rng(number)
    nets = [one_window([31, number, i]) for i in range(BATCH)]
    nets[::3] = [separable(np.random.default_rng([32, number, i])) for i in range(0, BATCH, 3)]
    models = [net.build() for net in nets]
    hops = [int(rng.choice([1, 1, 2, 2, 3, 4, 6])) for _ in nets]
    compiled = [
        compile_graph(model, f"m{i}", core, hop=hop)
        for i, (model, hop) in enumerate(zip(models, hops, strict=True))
    ]
    saving = [one.schedule.stream for one in compiled if one.schedule.stream.kept]
    assert len(saving) > BATCH / 3, "most networks keep nothing: nothing is tested"
    several = sum(one.history > 1 for one in saving)
    assert several > BATCH / 20, "too few keep the state of several hops"
    shapes = [one.schedule.network.inputs[0].shape for one in compiled]
    slid = [some_slides(rng, hop, s[1]) for hop, s in zip(hops, shapes, strict=True)]
    inputs = [windows(rng, s, slides) for s, slides in zip(shapes, slid, strict=True)]
    equal(tmp_path, nets, models, compiled, inputs, slid=slid)


def network(name: str) -> bytes:
    """A third-party network, or the committed fire alarm."""
    if name == "own fire_alarm":
        return (MODELS / "fire_alarm" / "fire_alarm.tflite").read_bytes()
    return third_party_model(f"{name}.tflite").read_bytes()


FRONT_ENDS = {  # by values per frame
    129: SPECTROGRAM,
    40: preset("micro_speech"),
    10: preset("keyword", bands=10),
}


def features(model: HostModel, frames: int, count: int) -> np.ndarray:
    """The last `count` int8 frames of speech and synthetic sounds, quantised for the network."""
    source = model.network.inputs[0]
    settings = FRONT_ENDS[source.count // frames]
    pcm = np.concatenate([*sounds.recorded(), *sounds.made(8000).values()])
    values = extract(pcm, settings)[-count:]
    quantizer = input_quantizer(settings, float(source.scale), source.zero_point)
    return quantize(values, quantizer)


@pytest.mark.parametrize(
    ("name", "hop", "frames", "share", "core"),
    [
        *(("own fire_alarm", 4, 124, 0.22, core) for core in CORES),
        *(("kws_ref", 2, 49, 0.42, core) for core in CORES),
        ("kws_ref", 1, 49, 0.80, PORTABLE),
        ("micro_speech", 2, 49, 0.28, PORTABLE),
        ("mltk_micro_speech", 5, 49, 0.43, PORTABLE),
        ("fire_alarm", 4, 124, 0.93, PORTABLE),
    ],
)
def test_real_model(name, hop, frames, share, core):
    """Fifty hops of real features. `share` limits the fraction of the full pass's MACs per hop."""
    data = network(name)
    model = HostModel(data, core=core, hop=hop)
    schedule = model.compiled.schedule
    assert schedule.stream.macs <= share * schedule.macs
    assert 0 < schedule.stream.kept <= MOST_KEPT
    rows = features(model, frames, frames + 49 * hop)
    shape = model.input_shapes[0]
    inputs = [[rows[i * hop : i * hop + frames].reshape(shape)] for i in range(50)]
    for number, (window, expected) in enumerate(zip(inputs, oracle(data, inputs), strict=True)):
        got = model.slide(hop, *window) if number else model.invoke(*window)
        assert np.array_equal(got, expected[0]), number


COUNTED = r"""
#include "nn.h"
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv) {
    (void)argc;
    int8_t *x = calloc(1, nn_info()->input[0].bytes);
    nn_set_input(0, x);
    int failed = nn_init() || nn_invoke();
    for (int i = 0; i < atoi(argv[1]); i++) {
        failed |= nn_slide(atoi(argv[2]));
    }
    return failed;
}
"""


def products(folder, files: dict[str, str], slides: int, hop: int) -> int:
    """Count the portable kernels' multiplications by weights in one invocation and some slides.

    Uses gcov's execution counts of those lines.
    """
    folder.mkdir()
    (folder / "model.c").write_text(files["model.c"])
    (folder / "main.c").write_text(COUNTED)
    nn = lib("nn")
    names = ("conv_2d.c", "depthwise_conv_2d.c", "fully_connected.c")
    include = [f"-I{i}" for i in nn.include]
    kernels = [str(f) for f in nn.files if "cores" not in f.parts]
    subprocess.run(
        ["cc", "-O0", "--coverage", *include, "model.c", "main.c", *kernels, "-o", "counted"],
        cwd=folder,
        check=True,
    )
    subprocess.run(["./counted", str(slides), str(hop)], cwd=folder, check=True)
    total = 0
    for notes in folder.glob("*.gcda"):
        done = subprocess.run(
            ["gcov", "--json-format", "--stdout", notes.name],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        for file in json.loads(done.stdout)["files"]:
            if not file["file"].endswith(names):
                continue
            source = (folder / file["file"]).read_text().splitlines()
            for line in file["lines"]:
                text = source[line["line_number"] - 1].strip()
                if text.startswith(("sum.a +=", "sum.b +=", "sum +=")) and " * " in text:
                    total += line["count"]
    return total


@pytest.mark.parametrize(("name", "hop"), [("own fire_alarm", 4), ("kws_ref", 2)])
def test_the_report_counts_what_is_done(name, hop, tmp_path):
    """Executed multiplications equal those that `work` counts, in an invocation and in a hop.

    The schedule's MACs also count padding, for which nothing is executed.
    """
    compiled = compile_graph(network(name), "m", hop=hop)
    first = compiled.schedule.stream.history
    none = products(tmp_path / "none", compiled.files, 0, hop)
    some = products(tmp_path / "some", compiled.files, first - 1, hop)
    more = products(tmp_path / "more", compiled.files, first - 1 + 3, hop)
    assert some == first * none, "the first hops are computed whole"
    for done, program, macs in (
        (none, compiled.schedule.stream.full, compiled.schedule.macs),
        ((more - some) / 3, compiled.schedule.stream.slide, compiled.schedule.stream.macs),
    ):
        steps = [step for step in program if hasattr(step, "kernel")]
        assert done == sum(
            work(step, compiled.schedule.graph)["macs"] for step in steps if step.macs
        )
        assert done == macs if name == "own fire_alarm" else done < macs


def lowered(net: Net):
    graph = read_graph(net.build())
    return graph, [lower(graph, op) for op in graph.operations]


def plain(rows: int, stride: int, padding: int, taps: int = 3) -> Net:
    """A network with one convolution."""
    net = Net(np.random.default_rng(1), (1, rows, 4, 1))
    inputs, s = net.weights([2, taps, 3, 1], 2, 0, taps * 3, True)
    high = -(-rows // stride) if padding == SAME else (rows - taps) // stride + 1
    wide = -(-4 // stride) if padding == SAME else 1 // stride + 1
    options = {"padding": padding, "strideH": stride, "strideW": stride}
    net.grow("CONV_2D", inputs, (1, high, wide, 2), s, **options)
    return net


def test_rows_that_padding_makes_different_are_computed():
    graph, steps = lowered(plain(20, 1, SAME))
    (layer,) = stream(graph, steps, 2, None).layers
    # the first row, touched by padding; the last; and two that saw padding or nothing before
    assert (layer.rows, layer.computed, layer.phases) == (20, 4, 1)


def test_a_stride_larger_than_the_hop_keeps_several_hops():
    graph, steps = lowered(plain(31, 3, 1))
    (layer,) = stream(graph, steps, 1, None).layers
    assert (layer.rows, layer.computed, layer.phases) == (10, 1, 3)
    row = 2 * (1 // 3 + 1)
    assert layer.kept == 3 * -(-9 * row // 4) * 4


def test_too_much_ram_keeps_the_first_layers_only():
    net = Net(np.random.default_rng(2), (1, 60, 40, 8))
    for _ in range(4):
        inputs, s = net.weights([16, 3, 3, net.shape[3]], 16, 0, 9 * net.shape[3], True)
        net.grow("CONV_2D", inputs, (1, 60, 40, 16), s, padding=SAME, strideH=1, strideW=1)
    graph, steps = lowered(net)
    found = stream(graph, steps, 1, None)
    assert found.kept <= MOST_KEPT
    net = Net(np.random.default_rng(2), (1, 60, 10, 1))
    for _ in range(5):
        inputs, s = net.weights([16, 3, 3, net.shape[3]], 16, 0, 9 * net.shape[3], True)
        net.grow("CONV_2D", inputs, (1, 60, 10, 16), s, padding=SAME, strideH=1, strideW=1)
    graph, steps = lowered(net)
    found = stream(graph, steps, 1, None)
    kept = [layer.kept > 0 for layer in found.layers]
    assert 0 < found.kept <= MOST_KEPT and kept == sorted(kept, reverse=True) and not all(kept)


def test_what_does_not_slide_is_named():
    net = plain(20, 1, SAME)
    graph, steps = lowered(net)
    for hop in (0, 20):
        with pytest.raises(UserError, match=r"hop of .* rows: must be 1 to 19"):
            stream(graph, steps, hop, None)
    with pytest.raises(UserError, match="20 rows, the front end's 10 frames"):
        stream(graph, steps, 1, 10)
    b = ModelBuilder()
    one, two, out = (b.tensor([1, 8, 2, 1], 0.1, 0) for _ in range(3))
    b.op("ADD", [one, two], [out])
    with pytest.raises(UserError, match="2 inputs"):
        compile_graph(b.build([one, two], [out]), "m", hop=1)


def test_a_network_that_keeps_nothing_runs_whole():
    """A dense layer over the whole window."""
    net = Net(np.random.default_rng(3), (1, 12, 4, 1))
    inputs, s = net.weights([3, 48], 3, 0, 48, False)
    net.grow("FULLY_CONNECTED", inputs, (1, 3), s)
    data = net.build()
    model = HostModel(data, hop=2)
    assert model.compiled.schedule.stream.kept == 0
    rng = np.random.default_rng(4)
    inputs = windows(rng, (1, 12, 4, 1), [0, 2, 2, 2])
    for window, expected in zip(inputs, oracle(data, inputs), strict=True):
        assert np.array_equal(model.slide(2, *window), expected[0])


def test_what_nobody_reads_is_no_part_of_a_hop():
    """A branch whose output is unused, with another shape."""
    net = plain(20, 1, SAME)
    kept = (net.x, net.shape, net.s, net.z)
    relu6(net)
    reshape(net)
    net.x, net.shape, net.s, net.z = kept
    relu6(net)
    data = net.build()
    rng = np.random.default_rng(5)
    rounds = windows(rng, (1, 20, 4, 1), [0, 2, 2, 2])
    model = HostModel(data, hop=2)
    assert model.compiled.schedule.stream.kept > 0
    for number, (window, expected) in enumerate(zip(rounds, oracle(data, rounds), strict=True)):
        got = model.slide(2, *window) if number else model.invoke(*window)
        assert np.array_equal(got, expected[0])


def without_streaming(data: bytes) -> bytes:
    metadata = told(data)
    return with_metadata(data, {**metadata, "deploy": {**metadata["deploy"], "stream": False}})


def test_a_listener_streams_and_hears_the_same():
    """Compared through skipped hops and a reset, after which the whole window is computed."""
    data = small_models.sliding()
    assert schedule_model(data, "model").stream.kept > 0
    assert schedule_model(without_streaming(data), "model").stream is None
    streaming, whole = Chain(data), Chain(without_streaming(data))
    pcm = sound(6)
    heard = []
    for number in range(len(pcm) // streaming.hop):
        if number == 90:
            streaming.reset()
            whole.reset()
        hop = pcm[number * streaming.hop :][: streaming.hop]
        if number in (50, 61, 62):
            streaming.skip(hop)
            whole.skip(hop)
            continue
        a, b = streaming.push(hop), whole.push(hop)
        assert (a.q is None) == (b.q is None)
        if a.q is not None:
            heard.append(int(a.q[0]))
            assert np.array_equal(a.q, b.q) and np.array_equal(a.smoothed, b.smoothed)
            assert a.event == b.event
    assert len(heard) > 90 and len(set(heard)) > 10


def test_the_metadata_decides_unless_told():
    data = small_models.sliding()
    assert schedule_model(data, "m").stream.hop == 4
    assert schedule_model(data, "m", hop=0).stream is None
    assert schedule_model(data, "m", hop=8).stream.hop == 8
    assert schedule_model(without_streaming(data), "m").stream is None
    metadata = told(data)
    for value in ("auto", 1, None):
        changed = {**metadata, "deploy": {**metadata["deploy"], "stream": value}}
        with pytest.raises(UserError, match=r"deploy\.stream = .*: must be true or false"):
            compile_graph(with_metadata(data, changed), "m")
    turned = Net(np.random.default_rng(3), (1, 129, 124, 1))  # bands of frames
    inputs, s = turned.weights([2, 129 * 124], 2, 0, 129 * 124, False)
    turned.grow("FULLY_CONNECTED", inputs, (1, 2), s)
    compiled = compile_graph(with_metadata(turned.build(), small_models.METADATA), "m")
    assert compiled.schedule.stream is None
    dense = network_behind(preset("keyword"))
    assert schedule_model(dense, "m").stream is None, "nothing to save"
    dynamic = network_behind(preset("on_off"))
    assert schedule_model(dynamic, "m").stream is None
    with pytest.raises(UserError, match="no row outlasts a hop"):
        compile_graph(dynamic, "m", hop=2)


def test_an_estimate_is_of_a_hop():
    data = small_models.sliding()
    streaming, whole = of_file(data, "m", "pico"), of_file(data, "m", "pico", hop=0)
    assert streaming.network_ms < whole.network_ms / 4
    assert streaming.features_ms == whole.features_ms
