"""Talking to a board: the line protocol over a serial port or a virtual one."""

from otolith.device.client import Client, InjectResult, RunResult
from otolith.device.transports import SerialTransport, Transport, VirtualTransport, find_ports

__all__ = [
    "Client",
    "InjectResult",
    "RunResult",
    "SerialTransport",
    "Transport",
    "VirtualTransport",
    "find_ports",
]
