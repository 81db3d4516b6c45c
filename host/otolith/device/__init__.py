"""Talking to a board: the wire protocol over a serial port or to a virtual board."""

from otolith.device.client import Client, InjectResult, RunResult
from otolith.device.records import Hello, Line
from otolith.device.transports import SerialTransport, Transport, VirtualTransport, find_ports

__all__ = [
    "Client",
    "Hello",
    "InjectResult",
    "Line",
    "RunResult",
    "SerialTransport",
    "Transport",
    "VirtualTransport",
    "find_ports",
]
