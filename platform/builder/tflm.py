"""custom_engine = tflm: builds TensorFlow Lite Micro and CMSIS-NN, and lib/nn_tflm on top.

PlatformIO fetches the library through lib_deps (docs/engines.md). Its warnings are off.
"""

import json
import re
from pathlib import Path

from SCons.Script import Import

Import("env", "foreign", "fail", "root")

build_dir = Path(env.subst("$BUILD_DIR"))
library = Path(env.subst("$PROJECT_LIBDEPS_DIR")) / env["PIOENV"] / "pico-tflmicro"
if not (library / "src" / "tensorflow").is_dir():
    fail("TensorFlow Lite Micro is not here: lib_deps of [tflm] in platformio.ini names where from")

# Defines of TFLM's own build. ARDUINO: no operator delete, so no heap; only int8 registrations.
DEFINES = [
    "NDEBUG",
    "TF_LITE_STATIC_MEMORY",
    "TF_LITE_DISABLE_X86_NEON",
    "TF_LITE_STRIP_ERROR_STRINGS",
    "CMSIS_NN",
    ("ARDUINO", 1),
]
INCLUDE = [
    "",
    "third_party/gemmlowp",
    "third_party/flatbuffers/include",
    "third_party/cmsis_nn/Include",
    "third_party/cmsis/CMSIS/Core/Include",
    "third_party/kissfft",
    "third_party/ruy",
]
CXXFLAGS = [
    "-std=c++17",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-fno-use-cxa-atexit",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
]
# Left out: tests, and files for the Pico SDK, whose functions lib/nn_tflm replaces.
LEFT_OUT = (
    "*_test.cpp",
    "test_*.cpp",
    "mock_*.cpp",
    "fake_*.cpp",
    "recording_*.cpp",
    "hexdump.cpp",
    "debug_log.cpp",
    "micro_time.cpp",
    "system_setup.cpp",
    "kernel_runner.cpp",
    "kiss_fft*",
)
# A kernel is compiled if it registers an operation of the network, with the files it depends on.
KERNELS = library / "src" / "tensorflow" / "lite" / "micro" / "kernels"
SHARED = ("kernel_util.cpp", "micro_tensor_utils.cpp")
WITH = {
    "depthwise_conv": ("conv_common.cpp",),
    "transpose_conv": ("conv_common.cpp",),
    "unidirectional_sequence_lstm": ("lstm_eval.cpp", "lstm_eval_common.cpp"),
}
# TFLM's switch for the RP2040's second core can't be turned off by a define. TFLM must not use
# core 1, and on M4F and M33 the switch would replace CMSIS-NN's own loop.
TWO_CORES = "#define TF_LITE_PICO_MULTICORE\n"

system = [f"-isystem{library / 'src' / folder}" for folder in INCLUDE]
for target in (env, foreign):
    target.Append(CCFLAGS=system, CXXFLAGS=CXXFLAGS)
quiet = foreign.Clone()
quiet.Replace(CPPDEFINES=DEFINES, CPPPATH=[])  # other changes cause no recompilation
ours = env.Clone()
ours.Append(CPPDEFINES=DEFINES)


def kernels():
    """The kernel files that this network needs."""
    operations = json.loads((build_dir / "model" / "report.json").read_text())["resolver"]
    wanted = re.compile(rf"Register_({'|'.join(operations)})\(\) *\{{")
    found = {KERNELS / name for name in SHARED}
    for file in KERNELS.rglob("*.cpp"):
        if wanted.search(file.read_text()):
            names = (f"{file.stem}_common.cpp", *WITH.get(file.stem, ()))
            found |= {file, *(KERNELS / name for name in names)}
    return found


def one_core(source):
    """A copy of `source` with the switch off, or `source` itself if it has no switch."""
    text = source.read_text()
    if TWO_CORES not in text:
        return source
    changed = build_dir / "tflm" / source.name
    changed.parent.mkdir(parents=True, exist_ok=True)
    if not changed.exists() or changed.read_text() != text.replace(TWO_CORES, ""):
        changed.write_text(text.replace(TWO_CORES, ""))
    return changed


def compile_engine(node):
    """Compile the library and lib/nn_tflm with their flags, and everything else as usual."""
    source = Path(node.srcnode().get_abspath())
    if root / "lib" / "nn_tflm" in source.parents:
        return ours.Object(node)
    if library not in source.parents:
        return node
    inside = source.relative_to(library / "src")
    if any(inside.match(pattern) for pattern in LEFT_OUT) or inside.parts[0] == "signal":
        return None
    if KERNELS in source.parents and source not in needed:
        return None
    if source.suffix == ".c" and (changed := one_core(source)) != source:
        return quiet.Object(str(changed) + ".o", str(changed))
    return quiet.Object(node)


def engine_object(source):
    """The object of a generated C++ file."""
    return ours.Object(str(source) + ".o", str(source))


needed = kernels()
env.AddBuildMiddleware(compile_engine)
env.Replace(LINK=env["LINK"].replace("link.py", "link_tflm.py").replace("-gcc", "-g++"))
env.AddMethod(lambda self, source: engine_object(source), "EngineObject")
