"""The number of instructions that Unicorn has begun since it was last started with a limit.

Unicorn counts them but has no function that returns the count. This module finds the count inside
Unicorn's own structure by running two programs of known length, and refuses a Unicorn in which it
does not find exactly one place. Counting in a hook would be thirty times slower.
"""

from __future__ import annotations

import ctypes

from otolith.errors import UserError

_LENGTHS = (1013, 2027)  # instructions
_LIMIT = 5003  # must not be taken for the count
_SEARCHED = 2048  # bytes of the structure
_NOP, _WFI = b"\x00\xbf", b"\x30\xbf"
_place: int | None = None


def _handle(uc: object) -> int:
    handle = uc._uch  # type: ignore[attr-defined]
    return int(handle.value or 0) if isinstance(handle, ctypes.c_void_p) else int(handle)


def _find() -> int:
    from unicorn import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB, Uc

    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    uc.mem_map(0, 0x2000)
    end = len(_NOP) * max(_LENGTHS)
    uc.mem_write(0, _NOP * max(_LENGTHS) + _WFI)
    seen = []
    for length in _LENGTHS:
        uc.emu_start(end - len(_NOP) * length | 1, 0xFFFFFFFE, count=_LIMIT)
        words = ctypes.string_at(_handle(uc), _SEARCHED)
        seen.append({at for at in range(0, _SEARCHED, 8) if _word(words, at) == length + 1})
    places = set.intersection(*seen)
    if len(places) != 1:
        raise UserError(
            "this Unicorn does not tell how many instructions it ran: install the release that "
            "pyproject.toml names"
        )
    return places.pop()


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def instruction_counter(uc: object) -> ctypes.c_uint64:
    """Find the counter: `.value` is the number of instructions begun since emu_start(count=...)."""
    global _place
    if _place is None:
        _place = _find()
    return ctypes.c_uint64.from_address(_handle(uc) + _place)
