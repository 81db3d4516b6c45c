"""What every target gets: the prefixed sources, one public header and the facts of the model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from otolith.compile import Compiled, compile_graph
from otolith.compile.cores import PORTABLE, core_named
from otolith.compile.literals import c_string
from otolith.errors import UserError, short, shown
from otolith.export.sources import needed, prefixed
from otolith.settings.metadata import Metadata
from otolith.version import VERSION

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,30}")


@dataclass(frozen=True)
class Bundle:
    """An exported model.

    prefix: Begins every file and symbol. files: Text by name: the sources and the public header.
    core: Whose kernels are used. arena: Bytes of the network's arena. samples: Of one window.
    """

    prefix: str
    compiled: Compiled
    metadata: Metadata
    core: str
    files: dict[str, str] = field(repr=False)

    @property
    def name(self) -> str:
        """The model's name."""
        return self.metadata.name

    @property
    def digest(self) -> str:
        """The model's hash."""
        return self.compiled.schedule.network.digest

    @property
    def header(self) -> str:
        """Name of the public header."""
        return f"{self.prefix}.h"

    @property
    def sources(self) -> list[str]:
        """Names of the C files."""
        return [name for name in self.files if name.endswith(".c")]


def bundle(data: bytes, name: str, prefix: str = "otolith", core: str = PORTABLE) -> Bundle:
    """Compiles a model and collects all C that it needs.

    Args:
        data: Bytes of a .tflite with Otolith's metadata.
        name: Its name in messages.
        prefix: Lower-case letters, digits and _.
        core: A core's name, or a processor's as for -mcpu.

    Raises:
        UserError: The model can't be compiled or has no metadata, or the prefix is none.
    """
    if not _PREFIX.fullmatch(prefix):
        raise UserError(
            f"prefix {short(shown(prefix))!r}: use lower-case letters, digits and _, up to 31"
        )
    kernels = core_named(core)
    compiled = compile_graph(data, name, kernels)
    metadata = compiled.schedule.network.metadata
    if metadata is None or "pipeline.c" not in compiled.files:
        raise UserError(f"{name}: says nothing about its front end: train it with `host train`")
    files = prefixed(needed(compiled.files), prefix)
    made = Bundle(prefix, compiled, metadata, kernels, {})
    files[made.header] = _header(made)
    files[f"{prefix}.c"] = _wrapper(made)
    return Bundle(prefix, compiled, metadata, kernels, dict(sorted(files.items())))


def macro(text: str) -> str:
    """A text as part of a macro's name."""
    return re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")


def label_macros(made: Bundle) -> list[str]:
    """A macro's name for each class; classes whose names give the same one get a number too."""
    names: list[str] = []
    for number, label in enumerate(made.metadata.classes):
        name = f"{made.prefix.upper()}_LABEL_{macro(label) or number}"
        names.append(f"{name}_{number}" if name in names else name)
    return names


def _header(made: Bundle) -> str:
    p, metadata = made.prefix, made.metadata
    upper, features = p.upper(), metadata.features
    plan = made.compiled.schedule
    labels = "\n".join(f"#define {name} {number}" for number, name in enumerate(label_macros(made)))
    return f"""/* {_comment(metadata.name)}: hears sounds in 16-bit PCM. Made by Otolith {VERSION}.
 *
 *     {p}_event_t event;
 *     {p}_init();
 *     while (n > 0) {{
 *         size_t taken = {p}_feed(pcm, n, &event);
 *         pcm += taken;
 *         n -= taken;
 *         if (event.label >= 0) {{ ... event.name ... }}
 *     }}
 *
 * Nothing is allocated; all state is static. The functions are for one task, not for interrupts. */
#ifndef {upper}_H
#define {upper}_H

#include <stddef.h>
#include <stdint.h>

#define {upper}_VERSION {c_string(VERSION)}
#define {upper}_MODEL {c_string(metadata.name)}
#define {upper}_MODEL_HASH {c_string(made.digest)}
#define {upper}_RATE {features.sample_rate} /* samples a second */
#define {upper}_HOP {metadata.hop} /* samples between two decisions */
#define {upper}_WINDOW {features.samples} /* samples the network looks at */
#define {upper}_ARENA {plan.arena} /* bytes of the network's arena */
#define {upper}_LABELS {len(metadata.classes)}
{labels}
#define {upper}_NONE (-1)
#define {upper}_UNKNOWN (-2) /* a sound that is none of the classes, where the model reports it */
#define {upper}_SCORE_ONE 32767 /* a score of 1 */

#ifdef __cplusplus
extern "C" {{
#endif

typedef struct {{
    int label;        /* a {upper}_LABEL_..., {upper}_UNKNOWN, or {upper}_NONE: nothing happened */
    const char *name; /* of the label; NULL with {upper}_NONE */
    uint16_t score;   /* 0 to {upper}_SCORE_ONE */
    uint64_t sample;  /* samples heard from {p}_init or {p}_reset to the event */
}} {p}_event_t;

/* Prepare. Call once, before the other functions. Returns 0, or a negative number if the sources
 * are damaged. */
int {p}_init(void);

/* Forget all sound heard so far. */
void {p}_reset(void);

/* Hear samples: 16-bit PCM, mono, {upper}_RATE a second, blocks of any size.
 *
 * Returns how many were taken: all of them, or fewer because *event is filled. Call again with the
 * rest. The CPU is busy longest when a hop ends, when the network runs. */
size_t {p}_feed(const int16_t *pcm, size_t n, {p}_event_t *event);

/* Name of a label, 0 to {upper}_LABELS - 1. */
const char *{p}_label(int label);

/* Newest smoothed score of a label, 0 to {upper}_SCORE_ONE. */
uint16_t {p}_score(int label);

#ifdef __cplusplus
}}
#endif
#endif
"""


def _comment(text: str) -> str:
    """Text that can't end a comment."""
    return shown(text).replace("*/", "* /").replace("??", "? ?")


def _wrapper(made: Bundle) -> str:
    p, upper = made.prefix, made.prefix.upper()
    labels = "\n".join(f"    {c_string(label)}," for label in made.metadata.classes)
    return f"""#include "{made.header}"

#include "{p}_listen.h"

static const char *const labels[{upper}_LABELS] = {{
{labels}
}};
static uint64_t heard;
static uint16_t scores[{upper}_LABELS];

int {p}_init(void) {{
    heard = 0;
    return {p}_listen_init(NULL);
}}

void {p}_reset(void) {{
    heard = 0;
    for (int i = 0; i < {upper}_LABELS; i++) {{
        scores[i] = 0;
    }}
    {p}_listen_reset();
}}

static void tell(const listen_result_t *result, {p}_event_t *event) {{
    const int label = result->detection.label;
    event->label = label >= 0 ? label : {upper}_UNKNOWN;
    event->name = label >= 0 ? labels[label] : "unknown";
    event->score = result->detection.score;
    event->sample = heard;
}}

size_t {p}_feed(const int16_t *pcm, size_t n, {p}_event_t *event) {{
    listen_result_t result;
    size_t at = 0;
    event->label = {upper}_NONE;
    event->name = NULL;
    event->score = 0;
    event->sample = heard;
    while (at < n && event->label == {upper}_NONE) {{
        const size_t left = n - at;
        const uint32_t block = left < {upper}_HOP ? (uint32_t)left : {upper}_HOP;
        const uint32_t taken = {p}_listen_feed(pcm + at, block, &result);
        at += taken;
        heard += taken;
        if (!result.complete) {{
            continue;
        }}
        for (int i = 0; i < {upper}_LABELS; i++) {{
            scores[i] = result.smoothed[i];
        }}
        if (result.event) {{
            tell(&result, event);
        }}
    }}
    return at;
}}

const char *{p}_label(int label) {{
    return label >= 0 && label < {upper}_LABELS ? labels[label] : NULL;
}}

uint16_t {p}_score(int label) {{
    return label >= 0 && label < {upper}_LABELS ? scores[label] : 0;
}}
""".replace("listen_result_t", f"{p}_listen_result_t")


def read_model(file: Path) -> bytes:
    """The bytes of a .tflite. Raises UserError if it can't be read."""
    try:
        return file.read_bytes()
    except OSError as error:
        raise UserError(f"{shown(file)}: {error.strerror}") from error
