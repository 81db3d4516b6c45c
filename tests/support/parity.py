"""Compares a board's results for injected sound with the chain on this computer."""

import numpy as np


def assert_frames(told, hops):
    """Check feature frames sent by a board against the Hops of the same PCM.

    A board sends each frame as soon as it is complete, so there may be extra frames of an
    unfinished hop.
    """
    heard = np.concatenate([h.features for h in hops if len(h.features)])
    assert len(heard) <= len(told) < len(heard) + max(len(h.features) for h in hops)
    np.testing.assert_array_equal(told[: len(heard)], heard)


def assert_same(result, hops):
    """Check an InjectResult against the Hops of the same PCM: features, outputs, scores, events."""
    scored = [hop for hop in hops if hop.q is not None]
    assert result.hops == len(hops) and scored
    heard = np.concatenate([h.features for h in hops if len(h.features)])
    np.testing.assert_array_equal(result.features, heard)
    np.testing.assert_array_equal(result.outputs, np.array([h.q for h in scored]))
    np.testing.assert_array_equal(result.scores, np.array([h.scores for h in scored]))
    np.testing.assert_array_equal(result.smoothed, np.array([h.smoothed for h in scored]))
    expected = [(h.t_ms, *h.event) for h in hops if h.event]
    assert [(e["t_ms"], e["label"]) for e in result.events] == [e[:2] for e in expected]
    for event, (_, _, score) in zip(result.events, expected, strict=True):
        assert abs(event["score"] - score / 32767) < 0.001
