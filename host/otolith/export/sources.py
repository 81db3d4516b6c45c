"""Collects the C that a model needs, and gives its files and symbols a prefix.

Two models can then be linked into one program: no file and no external symbol has the same name in
both. The C itself is that of lib/, which also runs on Otolith's own boards.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable

from otolith import paths
from otolith.errors import UserError

LIBRARIES = ("features", "nn", "detect", "listen")
_INCLUDE = re.compile(r'^([ \t]*#[ \t]*include[ \t]+)"([^"]+)"', re.M)
_INCLUDE_LINE = re.compile(r'^([ \t]*#[ \t]*include[ \t]+"[^"]+")', re.M)
# how external symbols of LIBRARIES begin
_SYMBOL = re.compile(
    r"\b(?=(?:nn|listen|features|detect|rfft_kiss|rfft_q15)_[\w#]|"
    r"(?:log2_q10|log_q31_to_q7|magnitudes|root_64|root_table)\b)"
)
_WORD = re.compile(r"[A-Za-z_]\w*")
# A definition of a function or table, or a symbol that assembly in a C file makes.
_DEFINED = re.compile(
    r"^(?!static\b|typedef\b|extern\b|return\b|#)[A-Za-z_][^;{}=#]*?\b([A-Za-z_]\w*)\s*"
    r"(?:\([^;{}]*\)\s*\{|(?:\[[^\]]*\]\s*)*=)",
    re.M,
)
_QUOTED = re.compile(r'"(nn_\w+)"|\.global (nn_\w+)')
SEVERAL = "listen_several.c"  # of images with several networks; an export holds one


def sources() -> dict[str, str]:
    """Text of every C file and header of the libraries, by path below its src folder."""
    found: dict[str, str] = {}
    for name in LIBRARIES:
        folder = paths.LIB / name / "src"
        for path in sorted(folder.rglob("*.[ch]")):
            found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
    if not found:
        raise UserError(f"{paths.LIB}: no C sources there: install Otolith anew")
    return found


def _resolve(name: str, at: str, known: dict[str, str]) -> str | None:
    """The path of an included file: beside the including one, else at the top."""
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(at), name))
    return next((path for path in (beside, name) if path in known), None)


def _included(path: str, known: dict[str, str]) -> Iterable[str]:
    for _, name in _INCLUDE.findall(known[path]):
        found = _resolve(name, path, known)
        if found:
            yield found


def needed(model: dict[str, str]) -> dict[str, str]:
    """The files a compiled model needs: its own, and those of lib/ that it refers to.

    Args:
        model: Text by file name, as `host compile` makes it: model.c and pipeline.c.

    Returns:
        Text by path, C files and headers.
    """
    library = {path: text for path, text in sources().items() if path != SEVERAL}
    known = {**library, **model}
    defined: dict[str, set[str]] = {}
    for path, text in library.items():
        if path.endswith(".c"):
            made_by_assembly = [name for pair in _QUOTED.findall(text) for name in pair]
            for name in [*_DEFINED.findall(text), *made_by_assembly]:
                defined.setdefault(name, set()).add(path)
    taken: set[str] = set()
    waiting = [*model, "listen.c", "nn_reset.c"]
    while waiting:
        path = waiting.pop()
        if path in taken or path not in known:
            continue
        taken.add(path)
        waiting += _included(path, known)
        # a header only declares; what is used stands in C files, and in macros of headers
        for word in set(_WORD.findall(_without_declarations(path, known[path]))):
            waiting += defined.get(word, ())
    return {path: known[path] for path in sorted(taken)}


def _without_declarations(path: str, text: str) -> str:
    """A header without the prototypes that it declares, or a C file as it is."""
    if path.endswith(".c"):
        return re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    kept = [line for line in text.splitlines() if line.rstrip().endswith("\\")]
    inline = re.findall(r"^static inline.*?^\}", text, re.S | re.M)
    return "\n".join([*kept, *inline])


def flat(path: str) -> str:
    """A path as one file name: "ops/conv_2d.c" -> "ops_conv_2d.c"."""
    return path.replace("/", "_")


def prefixed(files: dict[str, str], prefix: str) -> dict[str, str]:
    """The files in one folder, with a prefix before their names and their external symbols.

    Args:
        files: Text by path.
        prefix: Letters, digits and _, without the _ that follows it.
    """
    result = {}
    for path, text in files.items():

        def include(match: re.Match[str], path: str = path) -> str:
            found = _resolve(match[2], path, files)
            if found is None:  # of a file that is not exported, so that compiling fails
                return match[0]
            return f'{match[1]}"{prefix}_{flat(found)}"'

        renamed = "".join(
            piece if number % 2 else _SYMBOL.sub(f"{prefix}_", piece)
            for number, piece in enumerate(_INCLUDE_LINE.split(text))
        )
        result[f"{prefix}_{flat(path)}"] = _INCLUDE.sub(include, renamed)
    return result
