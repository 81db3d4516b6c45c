"""listen.decide: the decisions of lib/detect for a whole sound, compared with the C code."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from otolith.audio import RATE
from otolith.listen.chain import Chain
from otolith.listen.decide import decide, decisive, smooth
from otolith.listen.heard import Heard, score
from otolith.settings.detect import UNKNOWN, Detect, decimal
from support.chain_model import network, sound
from support.decision_layer import Detector
from support.soak import depth

LABELS = ("a", "b", "c")
LEVELS = st.sampled_from([0, 1, 9000, 16000, 16001, 20000, 32767])


@st.composite
def cases(draw):
    smoothing = draw(st.integers(1, 5))
    thresholds = draw(st.lists(st.sampled_from([0, 0, 8000, 16000, 32767]), min_size=3, max_size=3))
    config = {
        "smoothing": smoothing,
        "minimum_count": draw(st.integers(1, smoothing)),
        "suppression": draw(st.integers(0, 4)),
        "vote": draw(st.integers(0, 4)),
        "unknown_events": draw(st.booleans()),
    }
    hops = draw(st.lists(st.tuples(LEVELS, LEVELS, LEVELS, st.booleans()), max_size=30))
    return thresholds, config, hops


def detect_of(thresholds, config):
    told = {"suppression_hops" if k == "suppression" else k: v for k, v in config.items()}
    named = {x: float(decimal(t)) for x, t in zip(LABELS, thresholds, strict=True) if t}
    return Detect(named, **told)


def heard_of(hops):
    opened = np.array([h[3] for h in hops], bool)
    scores = np.array([h[:3] for h in hops], np.uint16).reshape(-1, 3)
    return Heard(scores * opened[:, None].astype(np.uint16), opened, 1, 160, len(hops) / 100)


def by_c(thresholds, config, hops):
    """Events of the C code; its gate opens where the hop says so."""
    c = Detector(thresholds, gate=1, **config)
    found = []
    for number, (*scores, is_open) in enumerate(hops, 1):
        event = c.step(*scores, level=int(is_open))
        if event:
            label = UNKNOWN if event[0] < 0 else LABELS[event[0]]
            found.append((number * 10, label, event[1]))
    return found


@settings(max_examples=depth(60, 5000))
@given(cases())
def test_events_are_those_of_the_c_code(case):
    thresholds, config, hops = case
    events = decide(heard_of(hops), detect_of(thresholds, config), LABELS)
    found = [(e.t_ms, e.label, round(e.score * 32767)) for e in events]
    assert found == by_c(thresholds, config, hops)


@settings(max_examples=depth(40, 2000))
@given(cases(), st.integers(1, 32767))
def test_a_class_alone_is_decided_for_where_the_decisive_score_reaches_its_threshold(case, level):
    _, config, hops = case
    config = {**config, "suppression": 0, "unknown_events": False}
    heard = heard_of(hops)
    scores = smooth(heard.scores[:, 1], config["smoothing"])
    e = decisive(scores, config["minimum_count"], config["vote"])
    wanted = [t for t, _, _ in by_c([0, level, 0], config, hops)]
    assert ((np.flatnonzero(e >= level) + 1) * 10).tolist() == wanted


def test_one_pass_of_the_chain_gives_the_events_of_any_settings():
    model, pcm = network(2), sound()
    heard = score(Chain(model), [pcm[:1000], pcm[1000:]])
    assert heard.seconds == -(-len(pcm) // 384) * 384 / RATE
    base = Chain(model).metadata.detect
    for changes in (
        {},
        {"smoothing": 1, "minimum_count": 1, "thresholds": {"loud": 0.9}},
        {"smoothing": 9, "vote": 5, "suppression_hops": 0, "thresholds": {"loud": 0.3}},
        {"unknown_events": True, "thresholds": {"loud": 0.99, "background": 0.2}},
    ):
        detect = dataclasses.replace(base, **changes)
        chain = Chain(model)
        told = dataclasses.asdict(detect)
        chain.set("detect.minimum_count", 1)
        for key in ("smoothing", "minimum_count", "suppression_hops", "vote", "unknown_events"):
            chain.set(f"detect.{key}", told[key])
        for label, threshold in detect.thresholds.items():
            chain.set(f"detect.threshold.{label}", threshold)
        wanted = [(h.t_ms, *h.event) for h in chain.run(pcm) if h.event]
        found = [
            (e.t_ms, e.label, round(e.score * 32767)) for e in decide(heard, detect, chain.labels)
        ]
        assert found == wanted and wanted
