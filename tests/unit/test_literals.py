"""Strings in generated C: both compilers see exactly the class's name, whatever it contains."""

import subprocess

import pytest
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from otolith.cli import main
from otolith.compile import schedule_model
from otolith.compile.literals import c_string
from otolith.errors import UserError
from otolith.paths import ROOT
from support import small_models
from support.front_ends import told, with_metadata

HOSTILE = [
    "wow???/",
    "??=??(??/??)??'??<??!??>??-",
    "a\\u",
    "\\u0041",
    "\\U0001F436",
    "\\x41\\",
    'say "bell"',
    "*/ int x; /*",
    "%s%n",
    "\x01\x1b[31m\x7f",
    "tab\tline\nreturn\r",
    "\x011",
    "犬",
    "🐕",
    "\ud800",
    "",
]
NAMES = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.sampled_from("?/='()!<>-\\uUx0\"7an\n\t"), max_size=12),
    st.text(st.characters(min_codepoint=1), max_size=12),
)
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic-errors", "-Wno-overlength-strings")
COMPILERS = (("cc", "objcopy"), ("arm-none-eabi-gcc", "arm-none-eabi-objcopy"))


def contents(folder, compiler: str, objcopy: str, source: str) -> bytes:
    """Compile C and return the contents of section .names."""
    text, compiled, raw = folder / "names.c", folder / "names.o", folder / "names.bin"
    text.write_text(source)
    done = subprocess.run(
        [compiler, *STRICT, "-c", str(text), "-o", str(compiled)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    dump = ["--dump-section", f".names={raw}", str(compiled), "/dev/null"]
    subprocess.run([objcopy, *dump], check=True)
    return raw.read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("names")


# shrinking would compile too often
@settings(max_examples=4, deadline=None, phases=[Phase.generate])
@given(names=st.lists(NAMES, min_size=60, max_size=60))
def test_names_are_data(folder, names):
    """Sixty names per build, with GCC for this computer and GCC for Arm."""
    names = [*HOSTILE, *names]
    expected = b"".join(name.encode("utf-8", "replace") + b"\0" for name in names) + b"\0"
    literals = [c_string(name) for name in names]
    assert all(" " <= c <= "~" for literal in literals for c in literal)
    # Adjacent literals are joined after escapes have been interpreted.
    text = "\n".join(f'{literal} "\\0"' for literal in literals)
    source = f'__attribute__((section(".names"))) const char names[] = {text};\n'
    for compiler, objcopy in COMPILERS:
        assert contents(folder, compiler, objcopy, source) == expected


def test_a_network_with_such_classes_compiles(tmp_path):
    """The complete model.c, with both compilers."""
    data = small_models.loudness()
    for number, name in enumerate(("wow???/", "a\\u", 'quo"te', "犬\x1b")):
        metadata = told(data)
        classes = ["background", name]
        detect = {**metadata["detect"], "thresholds": {name: 0.5}}
        changed = with_metadata(data, {**metadata, "classes": classes, "detect": detect})
        model, out = tmp_path / "model.tflite", tmp_path / str(number)
        model.write_bytes(changed)
        done = CliRunner().invoke(main, ["compile", str(model), "-o", str(out)])
        assert done.exit_code == 0, done.output
        for compiler, _ in COMPILERS:
            flags = (*STRICT, f"-I{ROOT / 'lib/nn/src'}", "-fsyntax-only")
            subprocess.run([compiler, *flags, str(out / "model.c")], check=True)


def test_a_name_that_c_can_not_hold_is_refused():
    data = small_models.loudness()
    metadata = told(data)
    changed = with_metadata(data, {**metadata, "classes": ["background", "a\0b"]})
    with pytest.raises(UserError, match="NUL"):
        schedule_model(changed, "m")
