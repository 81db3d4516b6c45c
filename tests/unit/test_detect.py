"""lib/detect: sequences worked by hand, a comparison with a plain model, settings as text."""

import dataclasses
import random
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.paths import LIB, ROOT
from otolith.settings import detect as host_detect
from support.decision_layer import NONE, UNKNOWN, Detector, Plain, c, ffi, text
from support.soak import depth

# ---- thresholds, averages, suppression ----


def test_a_score_at_its_threshold_is_an_event_and_one_below_is_not():
    d = Detector([0, 20000])
    assert d.step(32767, 19999) is None  # label 0 is the background: it has no threshold
    assert d.step(0, 20000) == (1, 20000)


def test_the_strongest_wins_and_ties_go_to_the_lower_index():
    d = Detector([0, 100, 100, 100])
    assert d.step(0, 300, 500, 400) == (2, 500)
    assert d.step(0, 500, 500, 500) == (1, 500)


def test_each_class_has_its_own_threshold():
    d = Detector([0, 600, 200])
    assert d.step(0, 599, 150) is None  # the stronger class does not reach its own threshold
    assert d.step(0, 599, 200) == (2, 200)
    assert d.step(0, 600, 599) == (1, 600)


def test_smoothing_takes_the_mean_of_what_there_is():
    d = Detector([0, 200], smoothing=4)
    assert d.step(0, 100) is None  # 100
    assert d.step(0, 301) == (1, 200)  # 401 / 2
    assert d.step(0, 0) is None  # 401 / 3
    assert d.step(0, 399) == (1, 200)  # 800 / 4
    # the first 100 has left the window: (301 + 0 + 399 + 100) / 4
    assert d.step(0, 100) == (1, 200)
    assert d.step(0, 0) is None


def test_nothing_is_said_before_the_minimum_count():
    d = Detector([0, 100], smoothing=3, minimum_count=3)
    assert [d.step(0, 500) for _ in range(3)] == [None, None, (1, 500)]
    c.detect_reset(d.state)
    assert d.step(0, 500) is None


def test_an_event_suppresses_the_next_hops_and_no_more():
    d = Detector([0, 100], suppression=3)
    assert [bool(d.step(0, 500)) for _ in range(9)] == [True, False, False, False] * 2 + [True]


def test_suppression_holds_back_every_class():
    d = Detector([0, 100, 100], suppression=2)
    heard = [d.step(0, *scores) for scores in ((500, 0), (0, 500), (0, 500), (0, 500))]
    assert heard == [(1, 500), None, None, (2, 500)]


# ---- gate ----

QUIET, LOUD = 49, 50


def counted(levels, **gate):
    """For each hop, whether its scores counted: 1 or 0."""
    d = Detector([0, 1], gate=LOUD, **gate)
    result = ""
    for level in levels:
        d.step(0, 1, level=LOUD if level == "1" else QUIET)
        result += str(d.smoothed[1])
    return result


@pytest.mark.parametrize(
    ("backoff", "delay", "loud", "counts"),
    [
        (0, 0, "0101100", "0101100"),
        (2, 0, "0100001000", "0111001110"),  # the triggering hop and two more
        (2, 0, "0101000000", "0111110000"),  # a trigger while the gate is open restarts the backoff
        (0, 2, "0100100000", "0001001000"),  # two hops later, for one hop each
        (1, 2, "0100000000", "0001100000"),
        (3, 1, "1000000000", "0111100000"),
        (0, 3, "1111000000", "0001111000"),
        (65535, 0, "0100000000", "0111111111"),
    ],
)
def test_backoff_keeps_the_gate_open_and_delay_opens_it_later(backoff, delay, loud, counts):
    assert counted(loud, gate_backoff=backoff, gate_delay=delay) == counts


def test_a_quiet_hop_counts_as_no_score():
    d = Detector([0, 300], smoothing=2, gate=50)
    assert d.step(0, 600, level=49) is None
    assert d.step(0, 600, level=50) == (1, 300)  # (0 + 600) / 2


def test_activity_of_the_front_end_triggers_alone_or_with_the_level():
    def counts(gate):
        d = Detector([0, 1], gate=gate, gate_activity=1, tells_activity=1, gate_backoff=1)
        hops = [(LOUD, False), (QUIET, True), (QUIET, False), (QUIET, False), (LOUD, True)]
        result = []
        for level, active in hops:
            d.step(0, 1, level=level, active=active)
            result.append(d.smoothed[1])
        return result

    assert counts(gate=0) == [0, 1, 1, 0, 1]
    assert counts(gate=LOUD) == [0, 0, 0, 0, 1]


def test_without_a_gate_nothing_else_of_it_matters():
    d = Detector([0, 1], gate_delay=31, gate_backoff=5)
    assert d.step(0, 1, level=0) == (1, 1)


# ---- vote ----


def decisions(scores, **settings):
    """Decisions, one letter per hop: a and b are classes, u is unknown, . is none.

    In `scores`, - means that no class reaches its threshold.
    """
    d = Detector([0, 100, 100], **settings)
    result, events = "", []
    for hop, letter in enumerate(scores):
        event = d.step(0, 500 * (letter == "a"), 500 * (letter == "b"))
        if event:
            events.append((hop, event[0]))
        result += {1: "a", 2: "b", UNKNOWN: "u", NONE: "."}[d.decision]
    return result, events


@pytest.mark.parametrize(
    ("vote", "scores", "decided"),
    [
        (0, "a-bba", "aubba"),
        (1, "a-bba", "aubba"),
        (3, "aa-ab-bb", ".aaa..bb"),  # neither -, a, b nor a, b, - has a majority
        (3, "aba--a", "..a.uu"),
        (2, "aabb-a", ".a.b.."),  # half is no majority, so both must agree
        (4, "aabbbba", "....bbb"),  # two against two is a tie
        (5, "aaabbabbb", "..aaaabbb"),
    ],
)
def test_more_than_half_of_the_last_decisions_decide(vote, scores, decided):
    assert decisions(scores, vote=vote)[0] == decided


def test_an_event_comes_when_the_vote_decides_with_the_score_of_its_hop():
    d = Detector([0, 100], vote=3)
    assert [d.step(0, score) for score in (500, 0, 300)] == [None, None, (1, 300)]
    assert d.step(0, 20) is None  # -, 300, -
    assert d.decision == UNKNOWN
    d = Detector([0, 100], vote=3)
    assert [d.step(0, score) for score in (500, 400, 7)] == [None, (1, 400), (1, 7)]


def test_hops_before_the_minimum_count_vote_for_nothing():
    d = Detector([0, 100], vote=3, smoothing=4, minimum_count=3)
    assert [bool(d.step(0, 500)) for _ in range(4)] == [False, False, False, True]


# ---- unknown ----


def test_unknown_is_the_decision_when_no_class_reaches_its_threshold():
    d = Detector([0, 300], gate=50)
    assert d.step(0, 299) is None and d.decision == UNKNOWN  # but no event
    # the background has no threshold to reach
    assert d.step(32767, 0) is None and d.decision == UNKNOWN
    assert d.step(0, 299, level=49) is None and d.decision == NONE  # the gate is closed
    assert d.step(0, 300) == (1, 300) and d.decision == 1


def test_unknown_events_are_suppressed_but_hold_back_no_class():
    d = Detector([0, 100, 100], unknown_events=1, suppression=2)
    scores = [(0, 0), (30, 40), (500, 0), (0, 0), (0, 0), (0, 90), (0, 0), (0, 0), (0, 80)]
    assert [d.step(0, *pair) for pair in scores] == [
        (UNKNOWN, 0),
        None,
        (1, 500),  # the unknown two hops earlier does not suppress it
        None,
        None,
        (UNKNOWN, 90),  # the score of the class closest to its threshold
        None,
        None,
        (UNKNOWN, 80),
    ]


def test_unknown_events_need_a_majority_too():
    assert decisions("a--ab--", vote=3, unknown_events=1) == (
        "..uu..u",
        [(2, UNKNOWN), (3, UNKNOWN), (6, UNKNOWN)],
    )


# ---- everything together, settings changed on the way ----

CONFIGS = st.fixed_dictionaries(
    {
        "threshold": st.lists(st.sampled_from([0, 1, 9000, 20000]), min_size=3, max_size=3),
        "gate": st.sampled_from([0, 10, 100]),
        "gate_activity": st.integers(0, 1),
        "gate_delay": st.one_of(st.integers(0, 4), st.just(31)),
        "gate_backoff": st.one_of(st.integers(0, 4), st.just(65535)),
        "smoothing": st.integers(1, 32),
        "minimum_count": st.integers(1, 32),
        "suppression": st.one_of(st.integers(0, 5), st.just(65535)),
        "vote": st.integers(0, 32),
        "unknown_events": st.integers(0, 1),
        "tells_activity": st.just(1),
    }
).map(lambda s: {**s, "minimum_count": min(s["minimum_count"], s["smoothing"])})
HOPS = st.lists(
    st.tuples(
        st.lists(st.integers(0, 32767), min_size=3, max_size=3),
        st.sampled_from([0, 10, 99, 100]),
        st.booleans(),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=depth(75, 3000))
@given(st.lists(st.tuples(CONFIGS, HOPS), min_size=1, max_size=3))
def test_the_c_code_decides_as_the_plain_model_through_changes(parts):
    """Settings replaced in mid-stream apply to earlier scores as well."""
    (first, _), *_ = parts
    d, plain = Detector(**first), Plain(**first)
    for config, hops in parts:
        whole = {**config, "labels": 3}
        assert text(c.detect_apply(d.state, ffi.new("detect_config_t *", whole))) is None
        for name, value in config.items():
            setattr(plain, name, value)
        for scores, level, active in hops:
            wanted = plain.step(*scores, level=level, active=active)
            assert d.step(*scores, level=level, active=active) == wanted
            assert (d.decision, d.smoothed) == (plain.decision, plain.smoothed)


@pytest.mark.parametrize("smoothing", [1, 5, 32])
def test_long_runs_do_not_wear_out(smoothing):
    """The running sums stay exact after the ring buffers have wrapped many times."""
    d, plain = Detector([0, 1], smoothing=smoothing), Plain([0, 1], smoothing=smoothing)
    for hop in range(500):
        score = hop * 7919 % 32768
        assert d.step(0, score) == plain.step(0, score)


# ---- ranges ----


@pytest.mark.parametrize(
    "settings",
    [
        {"threshold": []},
        {"threshold": [32768]},
        {"threshold": [1], "smoothing": 0},
        {"threshold": [1], "smoothing": 33},
        {"threshold": [1], "smoothing": 2, "minimum_count": 3},
        {"threshold": [1], "minimum_count": 0},
        {"threshold": [1], "gate": 32768},
        {"threshold": [1], "gate_delay": 32},
        {"threshold": [1], "vote": 33},
        {"threshold": [1], "unknown_events": 2},
        {"threshold": [1], "gate_activity": 1},  # of a front end without activity detection
    ],
)
def test_settings_out_of_range_are_refused(settings):
    assert Detector(**settings).status < 0


def test_chip_and_host_know_the_same_names_and_ranges():
    table = [c.detect_settings[i] for i in range(c.detect_setting_count)]
    numbers = {text(s.name): (s.lowest, s.highest) for s in table if not s.is_switch}
    assert numbers == host_detect.RANGES
    assert {text(s.name) for s in table if s.is_switch} == set(host_detect.SWITCHES)
    fields = {f.name for f in dataclasses.fields(host_detect.Detect)}
    assert fields == {
        *(*numbers, *host_detect.SWITCHES, "thresholds"),
        *host_detect.OF_TRAINING,
    }
    for s in table:
        assert text(s.reason).startswith(text(s.name) + " must be ")


def test_level_is_the_mean_magnitude():
    def level(*samples):
        return c.detect_level(ffi.new("int16_t[]", list(samples)), len(samples))

    assert level() == 0
    assert level(3, -4) == 3
    assert level(-32768, -32768) == 32768
    assert level(*[32767] * 4096) == 32767


# ---- settings as text ----

LABELS = ["background", "bell", "door knock", "Klingel\u00f6"]


def detector(**more):
    return Detector([0, 100, 200, 0], LABELS, smoothing=8, minimum_count=4, **more)


@pytest.mark.parametrize(
    ("assignment", "changed"),
    [
        ("gate 300", {"gate": 300}),
        ("gate 32767", {"gate": 32767}),
        ("gate_delay 31", {"gate_delay": 31}),
        ("gate_backoff 65535", {"gate_backoff": 65535}),
        ("smoothing 4", {"smoothing": 4}),
        ("minimum_count 08", {"minimum_count": 8}),
        ("suppression_hops 0", {"suppression": 0}),
        ("vote 32", {"vote": 32}),
        ("unknown_events on", {"unknown_events": 1}),
        ("unknown_events off", {"unknown_events": 0}),
        ("threshold 0.8", {"threshold": [0, 26214, 26214, 0]}),
        ("threshold 1", {"threshold": [0, 32767, 32767, 0]}),
        ("threshold 1.00000", {"threshold": [0, 32767, 32767, 0]}),
        ("threshold 0.5", {"threshold": [0, 16384, 16384, 0]}),
        ("threshold 0", {"threshold": [0, 0, 0, 0]}),
        ("threshold.bell 0.00003", {"threshold": [0, 1, 200, 0]}),
        ("threshold.bell 0", {"threshold": [0, 0, 200, 0]}),
        ("threshold.background 0.9", {"threshold": [29490, 100, 200, 0]}),
        ("threshold.door knock 0.9", {"threshold": [0, 100, 29490, 0]}),
        ("threshold.Klingel\u00f6 0.9", {"threshold": [0, 100, 200, 29490]}),
    ],
)
def test_a_setting_is_changed_and_nothing_else(assignment, changed):
    d = detector(unknown_events=0, suppression=3)
    d.step(1, 2, 3, 4)
    before, history = bytes(ffi.buffer(d.config)), bytes(ffi.buffer(d.state.history))
    assert d.set(assignment) is None
    (name, value), *_ = changed.items()
    wanted = ffi.new("detect_config_t *", d.config[0])
    setattr(wanted, name, value)
    assert bytes(ffi.buffer(ffi.addressof(d.state, "config"))) == bytes(ffi.buffer(wanted))
    assert bytes(ffi.buffer(d.config)) == before  # the model's own settings
    assert bytes(ffi.buffer(d.state.history)) == history


@pytest.mark.parametrize(
    ("assignment", "reason"),
    [
        ("", "a setting's name and its value are needed"),
        ("gate", "a setting's name and its value are needed"),
        ("gate ", "gate must be a whole number 0 to 32767"),
        ("gate 32768", "gate must be a whole number 0 to 32767"),
        ("gate 99999999999999999999", "gate must be a whole number 0 to 32767"),
        ("gate -1", "gate must be a whole number 0 to 32767"),
        ("gate 1.0", "gate must be a whole number 0 to 32767"),
        ("gate 1 2", "unknown setting"),
        ("gat 1", "unknown setting"),
        ("gates 1", "unknown setting"),
        (" 1", "unknown setting"),
        ("smoothing 0", "smoothing must be a whole number 1 to 32"),
        ("smoothing 33", "smoothing must be a whole number 1 to 32"),
        ("smoothing 3", "minimum_count must not be above smoothing"),
        ("minimum_count 9", "minimum_count must not be above smoothing"),
        ("gate_delay 32", "gate_delay must be a whole number 0 to 31"),
        ("gate_backoff 65536", "gate_backoff must be a whole number 0 to 65535"),
        ("suppression_hops 65536", "suppression_hops must be a whole number 0 to 65535"),
        ("vote 33", "vote must be a whole number 0 to 32"),
        ("unknown_events 1", "unknown_events must be on or off"),
        ("gate_activity on", "gate_activity: this model's front end detects no activity"),
        ("threshold 1.1", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold 1.00001", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold 0.123456", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold .5", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold 0.", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold 0.5.5", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold 5e-1", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold nan", "threshold must be 0 to 1, with up to 5 decimals"),
        ("threshold. 0.5", "the model has no such class"),
        ("threshold.bel 0.5", "the model has no such class"),
        ("threshold.bells 0.5", "the model has no such class"),
        ("thresholds 0.5", "unknown setting"),
    ],
)
def test_an_impossible_setting_is_told_and_changes_nothing(assignment, reason):
    d = detector()
    d.step(1, 2, 3, 4)
    before = d.bytes()
    assert d.set(assignment) == reason
    assert d.bytes() == before


@given(st.one_of(st.text(max_size=60), st.from_regex(r"\A(threshold|gate|vote)[. ][ -~]{0,20}\Z")))
def test_any_text_leaves_settings_in_range(assignment):
    d = detector()
    d.set(assignment.replace("\0", "").encode("utf-8", "replace").decode())
    again = ffi.new("detect_t *")
    assert c.detect_init(again, ffi.addressof(d.state, "config")) == 0


@pytest.fixture(scope="module")
def harness(tmp_path_factory):
    """detect_set behind the wire's commands, with AddressSanitizer and UBSan."""
    program = tmp_path_factory.mktemp("detect") / "detect_set"
    command = ["cc", "-std=c11", "-g", "-O1", "-fsanitize=address,undefined"]
    command += ["-fno-sanitize-recover=all", "-o", program]
    command += [f"-I{LIB / name / 'src'}" for name in ("wire", "detect")]
    command += [ROOT / "tests" / "support" / "detect_set.c", LIB / "wire" / "src" / "command.c"]
    command += sorted((LIB / "detect" / "src").glob("*.c"))
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return program


@pytest.mark.parametrize("seed", range(3))
def test_no_line_makes_the_settings_leave_their_memory(harness, seed):
    """Valid, invalid, truncated and mutated settings, each followed by a hop, under sanitizers."""
    rng = random.Random(seed)
    names = [*host_detect.RANGES, *host_detect.SWITCHES, "threshold", "threshold.bell"]
    lines = []
    for _ in range(20_000):
        value = rng.choice(
            ["on", "off", "0", "1", "31", "0.5", "0.99999", "65535", "1e9", "9" * 60]
        )
        if rng.random() < 0.3:
            value = str(rng.randrange(40))
        text = bytearray(f"set {rng.choice(names)} {value}".encode())
        if rng.random() < 0.3:
            text[rng.randrange(len(text))] = rng.randrange(1, 256)
        if rng.random() < 0.1:
            del text[rng.randrange(len(text)) :]
        lines.append(bytes(text).replace(b"\n", b" "))
    done = subprocess.run([harness], input=b"\n".join(lines), capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    taken, _, count = done.stdout.split()
    assert 3000 < int(taken) < int(count) == len(lines)


def test_all_thresholds_return_after_all_were_off():
    d = detector()
    assert d.set("threshold.background 0.7") is None
    assert d.set("threshold 0") is None
    assert list(d.state.config.threshold[0:4]) == [0, 0, 0, 0]
    assert d.set("threshold 0.5") is None
    assert list(d.state.config.threshold[0:4]) == [0, 16384, 16384, 0]  # the model's thresholds
    lone = Detector([0, 0], ["a", "b"])
    assert lone.set("threshold 0.5") == "no class has a threshold"


def test_every_score_has_a_decimal_and_comes_back_by_it():
    d, decimals = Detector([1], ["a"]), ffi.new("uint32_t *")
    for value in range(32768):
        number = c.detect_decimal(value, decimals)
        said = f"{number / 10 ** decimals[0]:.{decimals[0]}f}"
        assert said == host_detect.decimal(value)
        assert d.set(f"threshold.a {said}") is None
        assert d.state.config.threshold[0] == value


def test_every_threshold_is_rounded_as_a_model_has_it():
    d = Detector([1], ["a"])
    for value in range(0, 100001, 7):
        assert d.set(f"threshold {value / 100000:.5f}") is None
        assert d.state.config.threshold[0] == host_detect.q15(value / 100000)


# ---- what a change does to what was heard ----


def test_a_change_takes_effect_at_the_next_hop_and_looks_back():
    d = detector()
    heard = [d.step(0, score, 0, 0) for score in (0, 0, 0, 80)]
    assert heard == [None] * 4 and d.smoothed[1] == 20
    assert d.set("minimum_count 2") is d.set("smoothing 2") is None
    assert d.smoothed[1] == 20  # until the next hop
    assert d.step(0, 200, 0, 0) == (1, 140)  # (80 + 200) / 2
    assert d.set("smoothing 5") is None
    assert d.step(0, 420, 0, 0) == (1, 140)  # (0 + 0 + 80 + 200 + 420) / 5


def test_a_suppression_under_way_follows_the_setting():
    d = Detector([0, 100], ["a", "b"], suppression=100)
    assert [bool(d.step(0, 500)) for _ in range(3)] == [True, False, False]
    assert d.set("suppression_hops 4") is None
    assert [bool(d.step(0, 500)) for _ in range(3)] == [False, False, True]


def test_a_reset_forgets_what_was_heard_and_keeps_the_settings():
    d = detector()
    for _ in range(40):
        d.step(1, 500, 3, 4)
    assert d.set("vote 3") is d.set("threshold.bell 0.25") is None
    fresh = detector()
    assert fresh.set("vote 3") is fresh.set("threshold.bell 0.25") is None
    c.detect_reset(d.state)
    ours, theirs = (bytes(ffi.buffer(x.state))[ffi.sizeof("void *") :] for x in (d, fresh))
    assert ours == theirs
