"""Runs many compiled networks in one program: one gcc call for a hundred, optionally sanitized."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from otolith.compile import Compiled
from otolith.native.sources import lib
from support.objects import objects

PUBLIC = ("info", "init", "reset", "input", "set_input", "invoke", "slide", "output")
# What model.c defines at file level, but not struct members with the same names.
DEFINED = re.compile(
    r"(?<![.\w])(nn_(?:" + "|".join(PUBLIC) + r")|op\d+\w*|arena|inputs|input_\d+|constant_\d+"
    r"|initial_\d+|ring_\d+|state|buffers|input_info|output_info|label_info|kept|hops|known|slid|full|slide)\b"
)
ENGINE = r"""#include <stddef.h>
#include "nn_kernels.h"

typedef struct {
    const nn_info_t *(*info)(void);
    int (*init)(void);
    void (*reset)(void);
    int8_t *(*input)(int i);
    void (*set_input)(int i, const int8_t *data);
    int (*invoke)(void);
    int (*slide)(uint32_t rows);
    const int8_t *(*output)(int i);
} engine_t;
"""
MAIN = r"""
#include <stdio.h>
#include <stdlib.h>

static const engine_t engines[] = {
ENGINES
};
static const uint32_t slid[][ROUNDS] = {SLID};
static const uint8_t forgets[ROUNDS] = {FORGETS};

/* stdin: for every network ROUNDS sets of inputs; stdout: the outputs. */
int main(void) {
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
        const engine_t *engine = &engines[e];
        const nn_info_t *info = engine->info();
        if (engine->init()) {
            return 2;
        }
        for (int r = 0; r < ROUNDS; r++) {
            int8_t *data[16];
            if (forgets[r]) {
                engine->reset();
            }
            for (int i = 0; i < info->inputs; i++) {
                /* an allocation of its own, so that a sanitizer sees a read past its end */
                data[i] = malloc(info->input[i].bytes);
                if (fread(data[i], 1, info->input[i].bytes, stdin) != info->input[i].bytes) {
                    return 3;
                }
                engine->set_input(i, data[i]);
            }
            if (slid[e][r] ? engine->slide(slid[e][r]) : engine->invoke()) {
                return 4;
            }
            for (int i = 0; i < info->outputs; i++) {
                fwrite(engine->output(i), 1, info->output[i].bytes, stdout);
            }
            for (int i = 0; i < info->inputs; i++) {
                free(data[i]);
            }
        }
    }
    return 0;
}
"""


def as_one(compiled: Sequence[Compiled]) -> tuple[str, str]:
    """All networks as one C file with unique names, and the rows of its table of ENGINEs."""
    text, engines = [], []
    for number, one in enumerate(compiled):
        text.append(DEFINED.sub(rf"\1__{number}", one.files["model.c"]))
        if "void nn_reset(" not in one.files["model.c"]:
            text.append(f"void nn_reset__{number}(void) {{ nn_reset(); }}")
        engines.append("    {" + ", ".join(f"nn_{f}__{number}" for f in PUBLIC) + "},")
    declared = "".join(
        f"const nn_info_t *nn_info__{n}(void);\nint nn_init__{n}(void);\n"
        f"void nn_reset__{n}(void);\n"
        f"int8_t *nn_input__{n}(int i);\nvoid nn_set_input__{n}(int i, const int8_t *data);\n"
        f"int nn_invoke__{n}(void);\nint nn_slide__{n}(uint32_t rows);\n"
        f"const int8_t *nn_output__{n}(int i);\n"
        for n in range(len(compiled))
    )
    return "\n".join([declared, *text]), "\n".join(engines)


def run(
    folder: Path,
    compiled: Sequence[Compiled],
    inputs: Sequence[Sequence[Sequence[np.ndarray]]],
    flags: Sequence[str] = (),
    slid: Sequence[Sequence[int]] | None = None,
    forgets: Sequence[int] = (),
) -> list[list[list[np.ndarray]]]:
    """Build and run compiled networks.

    Args:
        inputs: inputs[model][round][input], int8.
        slid: slid[model][round], by how many rows the window has moved since the previous round;
            0: the input is unrelated.
        forgets: Rounds before which every network is reset.

    Returns:
        outputs[model][round][output], int8.
    """
    rounds = len(inputs[0])
    slid = slid or [[0] * rounds] * len(compiled)
    slides = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in slid)
    text, table = as_one(compiled)
    reset = ", ".join(str(int(r in forgets)) for r in range(rounds))
    main = MAIN.replace("ENGINES", table).replace("SLID", slides).replace("ROUNDS", str(rounds))
    main = main.replace("FORGETS", reset)
    source, program = folder / "batch.c", folder / "batch"
    source.write_text(ENGINE + text + main)
    all_flags = ["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", *flags]
    include = [f"-I{i}" for i in lib("nn").include]
    parts = [str(source), *objects("nn", "cc", all_flags), "-o", str(program)]
    subprocess.run(["cc", *all_flags, *include, *parts], check=True)
    sent = b"".join(a.tobytes() for model in inputs for once in model for a in once)
    done = subprocess.run([str(program)], input=sent, capture_output=True, timeout=300)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr.decode()[-2000:]}"
    results, at = [], 0
    for one in compiled:
        model = []
        for _ in range(rounds):
            outputs = []
            for tensor in one.schedule.network.outputs:
                size = tensor.count
                raw = np.frombuffer(done.stdout, np.int8, size, at)
                outputs.append(raw.reshape(tensor.shape))
                at += size
            model.append(outputs)
        results.append(model)
    assert at == len(done.stdout)
    return results
