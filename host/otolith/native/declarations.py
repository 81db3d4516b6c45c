"""Extracts C declarations for cffi from the headers.

The preprocessor reads the headers and a filter keeps the project's own declarations. The compiler
then confirms that cffi uses the same layout for every struct. So Python follows every change of a
struct, and a header that cffi would misread is an error.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cffi

from otolith.errors import UserError
from otolith.native.compiler import missing

MARKER = re.compile(r'^# \d+ "((?:[^"\\]|\\.)*)"')
ATTRIBUTE = re.compile(r"\b(?:__attribute__|__asm__|_Static_assert|_Alignas)\s*(?=\()")
# Words that do not affect a type's layout or a function's signature.
WORDS = re.compile(r"\b(?:_Noreturn|__extension__|__restrict|restrict|__inline|inline)\b")


def _run(command: Sequence[str], source: str, what: str) -> str:
    """Runs a compiler command on `source` and returns its output."""
    try:
        done = subprocess.run(command, input=source, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise missing(command[0]) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        raise UserError(f"{what}: {(lines or ['the C compiler failed'])[0]}")
    return done.stdout


def _included(headers: Sequence[str]) -> str:
    return "".join(f'#include "{header}"\n' for header in headers)


def _own(text: str, include: Sequence[Path]) -> str:
    """The lines of preprocessed `text` that come from a folder of `include`."""
    folders = [Path(folder).resolve() for folder in include]
    kept, own = [], False
    for line in text.splitlines():
        if marker := MARKER.match(line):
            file = Path(marker[1].replace("\\\\", "\\")).resolve()
            own = any(file.is_relative_to(folder) for folder in folders)
        elif own and not line.startswith("#"):
            kept.append(line)
    return "\n".join(kept)


def _closing(text: str, start: int) -> int:
    """Index after the bracket that closes the one at `start`."""
    pairs = {"(": ")", "{": "}"}
    opening, depth = text[start], 0
    for i in range(start, len(text)):
        if text[i] == opening:
            depth += 1
        elif text[i] == pairs[opening]:
            depth -= 1
            if depth == 0:
                return i + 1
    raise UserError("a C header has an unclosed bracket")


def _without_attributes(text: str) -> str:
    while match := ATTRIBUTE.search(text):
        text = text[: match.start()] + text[_closing(text, match.end()) :]
    return WORDS.sub("", text)


def _chunks(text: str) -> Iterator[str]:
    """Declarations at file scope; a function's definition becomes its prototype."""
    start = i = 0
    while i < len(text):
        if text[i] == "{":
            is_function = text[start:i].rstrip().endswith(")")
            end = _closing(text, i)
            if is_function:
                yield text[start:i].strip() + ";"
                start = end
            i = end
            continue
        if text[i] == ";":
            if chunk := text[start:i].strip():
                # cffi can't read a const variable of a loaded library
                yield chunk.replace("extern const ", "extern ") + ";"
            start = i + 1
        i += 1


def _key(chunk: str) -> str:
    """A key that is equal for equal declarations: the function's name, otherwise the whole text."""
    function = re.match(r"(?!typedef\b)[\w\s*]*?(\w+)\s*\((?!\s*\*)", chunk)
    return function[1] if function else chunk


def _wanted(chunk: str) -> bool:
    """Whether other files can use the declared name."""
    if chunk.startswith("static"):
        return False
    outside = re.sub(r"\{.*\}", "", chunk, flags=re.S)
    return "=" not in outside  # "=" means the definition of a variable


def declarations(
    headers: Sequence[str], include: Sequence[Path], command: Sequence[str], what: str
) -> str:
    """Extracts the declarations of `headers` in the syntax that cffi reads.

    Args:
        headers: Names as in #include. A C file contributes the prototypes of its functions.
        include: Folders of the headers. Declarations from other folders are left out.
        command: Compiler and flags, as for the library.
        what: Name of the library, for error messages.

    Raises:
        UserError: The compiler rejects a header, or cffi reads a struct differently.
    """
    folders = [f"-I{folder}" for folder in include]
    options = [*command, *folders, "-x", "c"]
    preprocessed = _run([*options, "-E", "-"], _included(headers), what)
    own = _without_attributes(_own(preprocessed, include))
    chunks: dict[str, str] = {}  # the first declaration counts; a definition may follow
    for chunk in filter(_wanted, _chunks(own)):
        chunks.setdefault(_key(chunk), chunk)
    text = "\n".join(chunks.values()) + "\n"
    with tempfile.TemporaryDirectory(prefix="otolith-") as folder:  # zig has no -fsyntax-only
        told = [*options, "-w", "-c", "-o", str(Path(folder) / "check.o"), "-"]
        _run(told, _check(headers, text, what), what)
    return text


def _check(headers: Sequence[str], text: str, what: str) -> str:
    """C code that compiles only if the compiler and cffi lay out the structs of `text` alike."""
    ffi = cffi.FFI()
    try:
        ffi.cdef(text)
        lines = [line for name in _structs(ffi) for line in _layout(ffi, name)]
    except (cffi.CDefError, cffi.FFIError, cffi.VerificationError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"{what}: cffi can't read the headers: {reason}") from error
    return f"#include <stddef.h>\n{_included(headers)}" + "".join(lines)


def _structs(ffi: cffi.FFI) -> Iterator[str]:
    """Names of all typedefs, structs and unions."""
    typedefs, structs, unions = ffi.list_types()
    yield from typedefs
    yield from (f"struct {name}" for name in structs)
    yield from (f"union {name}" for name in unions)


def _layout(ffi: cffi.FFI, name: str) -> Iterator[str]:
    """Assertions about the layout of one type; none if its layout is unknown."""
    ctype = ffi.typeof(name)
    if ctype.kind not in ("struct", "union", "enum"):
        return
    try:
        size = ffi.sizeof(ctype)
    except (cffi.FFIError, ValueError):  # declared, but not defined here
        return
    yield f'_Static_assert(sizeof({name}) == {size}, "size of {name}");\n'
    if ctype.kind == "enum":
        return
    for field, about in ctype.fields or ():
        if about.bitsize >= 0 or not field:
            continue
        member = f"(({name} *)0)->{field}"
        yield (
            f"_Static_assert(offsetof({name}, {field}) == {about.offset} && "
            f'sizeof({member}) == {ffi.sizeof(about.type)}, "{name}.{field}");\n'
        )
