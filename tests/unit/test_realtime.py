"""The estimated time of a hop: counts equal the loops', and the message gives the excess."""

import dataclasses
import json

import numpy as np
import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile import analyse_model
from otolith.compile.schedule import constant_bytes
from otolith.device.boards import Board, load_boards, named
from otolith.features import preset
from otolith.summarize import realtime
from otolith.summarize.realtime import Estimate, estimate, priced, work
from support import small_models
from support.core_models import convolution, dense
from support.front_end_model import network
from support.random_models import Net

PICO = named("pico")


def of(data, board=PICO):
    return estimate(analyse_model(data, "network"), board)


@pytest.mark.parametrize("seed", range(20))
def test_taps_are_those_inside_the_input(seed):
    rng = np.random.default_rng(seed)
    size, kernel, stride, dilation = (int(rng.integers(1, m)) for m in (20, 6, 4, 3))
    pad, out = int(rng.integers(0, kernel)), int(rng.integers(1, 9))
    inside = np.zeros(200)
    inside[100 : 100 + size] = 1
    starts = 100 - pad + stride * np.arange(out)
    expected = sum(inside[s : s + kernel * dilation : dilation].sum() for s in starts)
    assert realtime._taps(size, out, kernel, stride, pad, dilation) == expected


def test_without_padding_the_macs_are_the_compilers():
    for data in (small_models.slow(), small_models.loudness(), network(preset("keyword"))):
        analysis = analyse_model(data, "network")
        steps = analysis.calls
        names = [op.name for op in analysis.network.graph.operations]
        assert [step.operation for step in steps] == [n for n in names if n != "RESHAPE"]
        for step in steps:
            if step.macs and not step.settings.get("window", {}).get("pad_h"):
                assert work(step, analysis.network.graph)["macs"] == step.macs


def test_a_fast_network_keeps_up_and_a_slow_one_does_not():
    """tests/virtual confirms that the fast one keeps up and the slow one does not."""
    fast, slow = of(small_models.loudness()), of(small_models.slow())
    assert fast.hop_ms == slow.hop_ms == 32
    assert fast.keeps_up and "will not" not in fast.line()
    assert not slow.keeps_up
    over = round(100 * (slow.total_ms / 32 - 1))
    assert f"will not keep up ({over}% over" in slow.line()
    assert f"about {slow.total_ms:.1f} ms of 32 ms a hop" in slow.line()
    assert slow.features_ms == fast.features_ms and slow.network_ms > fast.network_ms


def test_more_of_anything_costs_more():
    base = of(network(preset("on_off"), 4))
    more = of(network(preset("on_off"), 8))
    assert more.features_ms == pytest.approx(2 * base.features_ms)
    assert more.microphone_ms == pytest.approx(2 * base.microphone_ms)
    assert more.network_ms == base.network_ms and more.hop_ms == 2 * base.hop_ms
    faster = Board("fast", "Fast", PICO.family, PICO.flash, PICO.ram, 2 * PICO.clock_hz)
    assert of(network(preset("on_off"), 4), faster).total_ms == pytest.approx(base.total_ms / 2)


@pytest.mark.parametrize(
    ("ms", "keeps_up", "verdict"),
    [
        (4, True, "about 4.4 to 7.6 ms of 32 ms a hop: keeps up (14% to 24%: microphone 0.0 to "),
        (20, None, "about 22.0 to 38.0 ms of 32 ms a hop: may not keep up (69% to 119%: "),
        (40, False, "about 44.0 to 76.0 ms of 32 ms a hop: will not keep up (38% to 138% over: "),
    ],
)
def test_a_range_of_cycles_gives_a_verdict_in_three_values(ms, keeps_up, verdict):
    network_ms = ms - 0.5
    found = Estimate("m", "b", 0.0, 0.5, network_ms, 32, (1.1, 1.9), "Cortex-M4F")
    assert found.keeps_up is keeps_up and found.figures()["keeps_up"] is keeps_up
    assert f"m on b: {verdict}" in found.line()
    assert f"network {1.1 * network_ms:.1f} to {1.9 * network_ms:.1f})" in found.line()
    basis = "instructions of a Cortex-M4F at 1.1 to 1.9 cycles, flash wait states not included"
    assert basis in found.line()
    assert ("[deploy] hop_frames" in found.line()) is not keeps_up


def test_cores_that_are_counted_get_a_range():
    for board in (board for board in load_boards() if board.family != "rp2040"):
        fast, slow = of(small_models.loudness(), board), of(small_models.slow(), board)
        assert 1 < fast.cycles[0] < fast.cycles[1] < 2.5 and fast.core in fast.line()
        assert slow.network_ms > 3 * fast.network_ms and slow.features_ms == fast.features_ms
        assert fast.microphone_ms > 0 or board.family != "nrf52"
        assert fast.keeps_up, fast.line()


def test_what_was_not_measured_is_not_judged(monkeypatch):
    other = Board("other", "Other", "unheard_of", 1, 1, 64_000_000, cpu="cortex-m7")
    assert of(small_models.loudness(), other) is None
    said = realtime.not_measured(analyse_model(small_models.loudness(), "loud"), other)
    assert said == "loud on other: not known whether it keeps up: no cycles of it were measured"
    data = small_models.loudness()
    analysis = analyse_model(data, "network")
    monkeypatch.setattr(realtime, "costs_of", lambda _: {"features": {}})
    assert estimate(analysis, PICO) is None
    assert realtime.frame_cost(preset("keyword"), PICO) is None
    assert realtime.not_measured(analysis, PICO).endswith(
        "front end spectrogram was not measured: `python bench/costs.py`"
    )
    monkeypatch.undo()
    deaf = dataclasses.replace(analysis.network, metadata=None)
    assert estimate(dataclasses.replace(analysis, network=deaf), PICO) is None


def test_every_rp2040_board_is_judged():
    for board in load_boards():
        assert board.clock_hz > 1_000_000
        if board.family == "rp2040":
            assert of(small_models.loudness(), board)


def test_host_compile_says_it(tmp_path):
    file = tmp_path / "slow.tflite"
    file.write_bytes(small_models.slow())
    run = ["compile", str(file), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(main, [*run, "--board", "pico"])
    assert done.exit_code == 0 and of(small_models.slow()).line() in done.output
    told = json.loads(CliRunner().invoke(main, [*run, "--board", "pico", "--json"]).stdout)
    assert told["realtime"]["keeps_up"] is False and told["realtime"]["hop_ms"] == 32
    assert "keep up" not in CliRunner().invoke(main, run).output
    for board in ("nrf52840_dk", "xg24_dev_kit", "mps2_an505"):
        done = CliRunner().invoke(main, [*run, "--board", board])
        assert done.exit_code == 0, done.output
        assert of(small_models.slow(), named(board)).line() in done.output
    told = json.loads(CliRunner().invoke(main, [*run, "--board", "nrf52840_dk", "--json"]).stdout)
    low, high = told["realtime"]["range_ms"]
    fewest, most = told["realtime"]["cycles_an_instruction"]
    parts = sum(told["realtime"][f"{name}_ms"] for name in ("microphone", "features", "network"))
    assert low == pytest.approx(fewest * parts, abs=0.01)
    assert high == pytest.approx(most * parts, abs=0.01)
    done = CliRunner().invoke(main, [*run, "--board", "pic"])
    assert done.exit_code == 1 and "no board 'pic'" in done.output


@pytest.mark.parametrize("size", [8 << 10, 16 << 10, 18 << 10, 20 << 10, 24 << 10, 40 << 10])
def test_constants_are_lost_as_in_a_cache_of_two_ways(size):
    """Read twice in their order; the cache is the RP2040's, the older line of a set is replaced."""
    sets = [[] for _ in range(realtime.CACHE // 2 // 8)]
    missed = 0
    for _ in range(2):
        missed = 0
        for line in range(size // 8):
            held = sets[line % len(sets)]
            if line in held:
                held.remove(line)
            else:
                missed += 1
            held.append(line)
            del held[:-2]
    assert realtime.lost(size) == pytest.approx(missed * 8 / size)


def test_weights_that_are_code_run_from_ram_and_are_not_fetched():
    net = Net(np.random.default_rng(1), (1, 20, 20, 1))
    convolution(net, (3, 3), 8)
    dense(net, 8)  # most weights are elsewhere
    analysis = analyse_model(net.build(), "code")
    graph = analysis.network.graph
    (name, kernel), *_ = priced(analysis.calls, graph, "m0plus")
    assert name == "nn_m0_taps_conv_2d"
    done = work(analysis.calls[0], graph, kernel)
    code = kernel.settings["taps"].bytes
    assert 4 * done["fetches"] == constant_bytes(graph, [[kernel]]) - code > 0
    assert done["packed"] == code // 2 * 20 * 10  # code for two pixels, by lines and pairs
