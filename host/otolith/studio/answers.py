"""What every area uses to read requests and to answer them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from otolith.data.names import inside
from otolith.errors import UserError, short, shown
from otolith.untrusted import load_json

MOST_BODY = 1 << 20  # bytes of a JSON request
T = TypeVar("T")
A = TypeVar("A", bound=msgspec.Struct)


class TooLarge(UserError):
    """A request exceeds a limit."""


async def parts_of(request: Request, most: int, what: str) -> AsyncIterator[bytes]:
    """The body of a request, part by part. Raises TooLarge beyond `most` bytes."""
    if int(request.headers.get("content-length") or 0) > most:
        raise TooLarge(f"{what}: more than {most >> 20} MB: make it smaller")
    total = 0
    async for part in request.stream():
        total += len(part)
        if total > most:
            raise TooLarge(f"{what}: more than {most >> 20} MB: make it smaller")
        yield part


async def body(request: Request, shape: type[A]) -> A:
    """The JSON body of a request.

    Args:
        request: The request.
        shape: A msgspec Struct that the body must fit.

    Raises:
        UserError: It is too large, no JSON, or of another shape.
    """
    data = b"".join([part async for part in parts_of(request, MOST_BODY, "request")])
    try:
        return msgspec.convert(load_json(data), shape)
    except msgspec.ValidationError as error:
        raise UserError(f"request: {error}") from error


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that reads files or computes, without holding up other requests."""
    return await run_in_threadpool(function, *arguments)


def plain(value: object) -> Any:
    """A value for JSON: dataclasses become objects, paths text, NaN null."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, Path):
        return shown(value)
    if isinstance(value, float) and value - value != 0:
        return None
    return value


def answer(value: object) -> JSONResponse:
    """A value as a JSON answer."""
    return JSONResponse(plain(value))


def dumped(value: object) -> str:
    """A value as one line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False)


def confined(folder: Path, file: str) -> Path:
    """The path of an existing file in a folder, for reading.

    Args:
        folder: The folder.
        file: Path below it, with /, as a page sent it.

    Raises:
        UserError: There is no such regular file, or it leads out of the folder, also by a link.
    """
    path = inside(folder, file)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise UserError(f"{short(shown(file))}: no such file") from error
    if not real.is_relative_to(folder.resolve()) or not real.is_file():
        raise UserError(f"{short(shown(file))} is no file below the folder")
    return real
