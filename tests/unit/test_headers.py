"""Every header of lib/ compiles on its own, as C11 and as C++17, without a warning."""

import re
import subprocess

import pytest

from otolith import paths

# Excluded: headers for one chip or core, TinyUSB's configuration, and parts of .c files that these
# set up first.
PRIVATE = re.compile(
    r"board/src/\w+/|/cores/|tusb_config\.h|usb_port\.h|usb_request_guard\.h|nn_tflm|/ops/"
    r"|microphone_blocks\.h|adc_stream\.h"
)
HEADERS = [
    file
    for file in sorted(paths.LIB.glob("*/src/**/*.h"))
    if not PRIVATE.search(str(file.relative_to(paths.LIB)))
]
STANDARDS = {"c": "c11", "c++": "c++17"}


@pytest.mark.parametrize("language", STANDARDS)
def test_headers_compile_alone(language, tmp_path):
    """One run compiles a translation unit per header, and one that includes all headers twice."""
    suffix = {"c": "c", "c++": "cpp"}[language]
    for number, header in enumerate(HEADERS):
        line = f'#include "{header.relative_to(paths.LIB)}"\n'
        (tmp_path / f"{number}.{suffix}").write_text(line * 2)
    include = [f"-I{folder}" for folder in (paths.LIB, *sorted(paths.LIB.glob("*/src")))]
    flags = [f"-std={STANDARDS[language]}", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    compiler = {"c": "cc", "c++": "c++"}[language]
    files = sorted(map(str, tmp_path.glob(f"*.{suffix}")))
    assert len(files) > 25
    done = subprocess.run([compiler, *flags, *include, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
