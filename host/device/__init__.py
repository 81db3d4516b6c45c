"""Talking to a board: the line protocol over a serial port or a virtual one."""

from host.device.client import Client, InjectResult, RunResult
from host.device.transports import SerialTransport, Transport, VirtualTransport, find_ports

__all__ = [
    "Client",
    "InjectResult",
    "RunResult",
    "SerialTransport",
    "Transport",
    "VirtualTransport",
    "find_ports",
]
