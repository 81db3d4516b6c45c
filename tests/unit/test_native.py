"""otolith.native: declarations come from the headers and match what the compiler sees."""

import os
import shutil
import stat

import pytest

from otolith import native, paths
from otolith.errors import UserError
from otolith.native import compiler
from otolith.native.sources import lib


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """A copy of lib/, and an empty cache."""
    shutil.copytree(paths.LIB, tmp_path / "lib")
    monkeypatch.setattr(paths, "LIB", tmp_path / "lib")
    monkeypatch.setattr(paths, "NATIVE", tmp_path / "native")
    return tmp_path / "lib"


def detect():
    s = lib("detect")
    return native.library("detect", s.files, ["detect.h"], s.include)


def test_python_follows_a_field_that_a_header_gains(tree):
    ffi, c = detect()
    before = ffi.sizeof("detect_config_t"), ffi.offsetof("detect_config_t", "threshold")
    header = tree / "detect" / "src" / "detect.h"
    text = header.read_text()
    header.write_text(
        text.replace("    uint16_t labels;", "    uint32_t added;\n    uint16_t labels;")
    )
    assert header.read_text() != text
    ffi, c = detect()
    assert ffi.sizeof("detect_config_t") == before[0] + 6  # including padding
    assert ffi.offsetof("detect_config_t", "threshold") == before[1] + 4
    config = ffi.new("detect_config_t *", {"labels": 2, "smoothing": 1, "minimum_count": 1})
    config.threshold[1] = 16384
    state, event = ffi.new("detect_t *"), ffi.new("detect_event_t *")
    assert c.detect_init(state, config) == 0
    assert c.detect_step(state, [0, 20000], 0, False, event)
    assert (event.label, event.score) == (1, 20000)


def test_a_struct_that_cffi_would_misread_is_refused(tree):
    header = tree / "detect" / "src" / "detect.h"
    text = header.read_text()
    field = "    uint16_t gate; "
    assert field in text
    header.write_text(text.replace(field, "    uint16_t gate __attribute__((aligned(8))); "))
    with pytest.raises(UserError, match="detect_config_t") as error:
        detect()
    assert "\n" not in error.value.message


def test_what_is_no_declaration_is_left_out(tmp_path):
    (tmp_path / "some.h").write_text(
        """#include <stdint.h>
        #pragma once
        #define SIZE (3 * 4)
        static inline int twice(int x) { if (x) { return 2 * x; } return 0; }
        static const int table[2] = {1, 2};
        typedef struct { char name[SIZE]; union { int a; float b; } either; } thing_t;
        enum { FIRST = 1 << 3, SECOND };
        _Static_assert(sizeof(thing_t) == 16, "it; is { so");
        _Noreturn void stop(void) __attribute__((cold));
        extern const int16_t limit;
        struct hidden;
        struct hidden *open_it(const thing_t *thing, void (*done)(int));
        """
    )
    (tmp_path / "some.c").write_text(
        '#include "some.h"\nconst int16_t limit = 7;\nint add(int a, int b) { return a + b; }\n'
    )
    text = native.declarations(["some.h", "some.c"], [tmp_path], ["cc"], "some")
    for absent in ("twice", "table", "pragma", "assert", "attribute", "= 7", "uint_least"):
        assert absent not in text
    for present in ("thing_t", "SECOND", "void stop(void)", "open_it", "int add(int a, int b);"):
        assert present in text


def test_a_header_that_is_missing_or_wrong_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NATIVE", tmp_path / "native")
    with pytest.raises(UserError, match=r"there is no gone\.h"):
        native.cdef("gone", ["gone.h"], [tmp_path])
    (tmp_path / "bad.h").write_text("typedef nothing thing_t;\n")
    with pytest.raises(UserError, match="nothing") as error:
        native.cdef("bad", ["bad.h"], [tmp_path])
    assert "\n" not in error.value.message
    assert not list((tmp_path / "native").glob("*"))


def test_another_user_of_the_checkout_can_read_the_cache(tree):
    mask = os.umask(0o022)
    try:
        detect()
    finally:
        os.umask(mask)
    files = list(paths.NATIVE.iterdir())
    assert {file.suffix for file in files} == {".so", ".h"}
    for file in files:
        assert file.stat().st_mode & stat.S_IROTH, file


def test_a_cache_that_can_not_be_written_is_one_line(tree, monkeypatch):
    (tree.parent / "file").write_text("")
    monkeypatch.setattr(paths, "NATIVE", tree.parent / "file" / "native")
    with pytest.raises(UserError, match="can't write"):
        detect()


def test_objects_that_libraries_share_are_compiled_once(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NATIVE", tmp_path / "native")
    (tmp_path / "some.h").write_text("int twice(int x);\n")
    common = tmp_path / "common.c"
    common.write_text('#include "some.h"\nint twice(int x) { return 2 * x; }\n')
    compiled = []
    real = native._compile
    monkeypatch.setattr(native, "_compile", lambda name, c: (compiled.append(name), real(name, c)))

    def answer(number):
        own = tmp_path / f"own{number}.c"
        text = f'#include "some.h"\nint answer(void) {{ return twice({number}); }}\n'
        own.write_text(text)
        headers = ["some.h", own.name]
        made = native.library("x", [common, own], headers, [tmp_path], shared=[common])
        return made[1].answer()

    assert [answer(n) for n in (1, 4)] == [2, 8]
    assert compiled == ["common.c", "x", "x"]
    header = tmp_path / "some.h"
    header.write_text("#define MORE 1\n" + header.read_text())
    common.write_text(common.read_text().replace("2 * x", "2 * x + MORE"))
    assert answer(4) == 9 and compiled[3:] == ["common.c", "x"]
    common.write_text("int twice(int x) { return y; }\n")
    with pytest.raises(UserError, match=r"common\.c: .*y"):
        answer(4)
    assert not [p for p in (tmp_path / "native").rglob("*") if p.name.startswith(".")]


def test_the_compiler_is_the_named_one_else_cc_else_zig(monkeypatch, tmp_path):
    monkeypatch.setenv("CC", "my-cc -m32")
    assert compiler.c_compiler() == ["my-cc", "-m32"]
    monkeypatch.delenv("CC")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(compiler, "_has_zig", lambda: True)
    assert compiler.c_compiler()[1:4] == ["-m", "ziglang", "cc"]
    monkeypatch.setattr(compiler, "_has_zig", lambda: False)
    with pytest.raises(UserError, match=r"there is no C compiler: .*pip install ziglang") as error:
        native._compile("x", compiler.c_compiler())
    assert "\n" not in error.value.message
    (tmp_path / "gcc").write_text("")
    (tmp_path / "gcc").chmod(0o755)
    assert compiler.c_compiler() == ["gcc"]


def test_a_library_that_the_wheel_carries_needs_no_compiler(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "NATIVE", tmp_path / "native")
    (tmp_path / "two.h").write_text("int two(void);\n")
    (tmp_path / "two.c").write_text('#include "two.h"\nint two(void) { return 2; }\n')
    told = ("two", [tmp_path / "two.c"], ["two.h"], [tmp_path])
    (tmp_path / "carried").mkdir()
    native.carry(tmp_path / "carried", *told)
    monkeypatch.setattr(paths, "PREBUILT", tmp_path / "carried")
    monkeypatch.setattr(paths, "NATIVE", tmp_path / "none")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert native.library(*told)[1].two() == 2
    (tmp_path / "two.c").write_text("int two(void) { return 3; }\n")  # no longer what is carried
    with pytest.raises(UserError, match="there is no C compiler"):
        native.library(*told)
