"""Formats hops as the lines of the wire protocol that a board sends."""

from __future__ import annotations

from otolith.audio import RATE
from otolith.classify.ear import Count
from otolith.listen.chain import Chain, Hop
from otolith.version import PROTOCOL, VERSION


def hello(chain: Chain, source: str) -> dict:
    """The first line: the model and the source.

    Args:
        chain: The model.
        source: Name of the source, as on the command line.
    """
    return {
        "event": "hello",
        "protocol": PROTOCOL,
        "app": "classify",
        "board": "host",
        "version": VERSION,
        "serial": "",
        "model": chain.network.name,
        "hash": chain.network.digest,
        "labels": chain.labels,
        "engine": "compiled",
        "rate": RATE,
        "hop": chain.hop,
        "source": source,
    }


def scores(hop: Hop) -> dict | None:
    """The scores of a hop. None if the network did not run in it."""
    if hop.q is None or hop.scores is None or hop.smoothed is None:
        return None
    return {
        "event": "scores",
        "hop": hop.hop,
        "t_ms": hop.t_ms,
        "q": hop.q.tolist(),
        "scores": hop.scores.tolist(),
        "smoothed": hop.smoothed.tolist(),
        "level": hop.level,
        "decision": hop.decision,
    }


def detect(hop: Hop, latency_ms: float) -> dict | None:
    """The event of a hop. None if there is none.

    Args:
        hop: The hop. Its end is t_ms.
        latency_ms: Simulated latency. If it is not 0, known_ms is when a device would report the
            event.
    """
    if hop.event is None:
        return None
    label, score = hop.event
    # rounds to thousandths like lib/wire
    line = {
        "event": "detect",
        "t_ms": hop.t_ms,
        "label": label,
        "score": (score * 2000 + 32767) // 65534 / 1000,
    }
    return {**line, "known_ms": round(hop.t_ms + latency_ms, 3)} if latency_ms else line


def end(source: str, count: Count) -> dict:
    """The last line: the numbers of samples, hops and events."""
    return {
        "event": "end",
        "source": source,
        "t_ms": count.samples * 1000 // RATE,
        "hops": count.hops,
        "scored": count.scored,
        "detections": count.events,
    }
