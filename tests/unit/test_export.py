"""`host export`: C that stands alone hears what Otolith's own chain hears."""

import json
import shutil
import subprocess
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

from otolith import paths
from otolith.audio.wav import write_wav
from otolith.cli import main
from otolith.compile.ops import OPS
from otolith.device.boards import named
from otolith.errors import UserError
from otolith.export.bundle import bundle
from otolith.export.make import files_for, write
from otolith.export.targets.registry import TARGETS
from otolith.listen.chain import Chain
from otolith.synth import alarms
from support import chain_model
from support.qemu_cores import MACHINES
from support.small_models import sliding

ARDUINO = paths.ROOT / "tests" / "support" / "arduino"
ZEPHYR = paths.ROOT / "tests" / "support" / "zephyr"
CMAKE = shutil.which("cmake", path=str(paths.ROOT / ".venv" / "bin")) or "cmake"
FLAGS = ["-O1", "-Wall", "-Wextra", "-Werror"]


@pytest.fixture(scope="module")
def model():
    return chain_model.network(2)


@pytest.fixture(scope="module")
def sound():
    return np.concatenate([chain_model.sound(), chain_model.sound()[::-1]])


@pytest.fixture(scope="module")
def heard(model, sound):
    """(sample, label, score) of every event of the chain."""
    chain = Chain(model)
    events = [(hop.hop * chain.hop, *hop.event) for hop in chain.feed(sound) if hop.event]
    assert len(events) >= 3
    return events


def run(*command, **options):
    done = subprocess.run([*map(str, command)], capture_output=True, **options)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return done.stdout.decode()


def lines(events):
    return "".join(f"{sample} {label} {score}\n" for sample, label, score in events)


@pytest.mark.parametrize("core", ["portable", "m0plus", "dsp"])
def test_exported_c_hears_what_the_chain_hears(core, model, sound, heard, tmp_path):
    write(files_for("c", bundle(model, "loud", "loud", core)), tmp_path / "x")
    sources = [*(tmp_path / "x" / "src").glob("*.c"), tmp_path / "x" / "example" / "listen.c"]
    program = tmp_path / "listen"
    run("cc", "-std=c11", *FLAGS, f"-I{tmp_path}/x/src", *sources, "-o", program)
    assert run(program, input=sound.tobytes()) == lines(heard)


def test_two_models_link_into_one_program_and_their_headers_are_cpp(model, sound, tmp_path):
    other = sliding()
    for prefix, data in (("loud", model), ("slide", other)):
        write(files_for("c", bundle(data, prefix, prefix)), tmp_path / prefix)
    text = '#include "loud.h"\n#include "slide.h"\n#include <cstdio>\n#include <vector>\n'
    text += """
template <typename Event, typename Feed>
static void hear(const char *who, Feed feed, const std::vector<int16_t> &pcm) {
  for (size_t at = 0; at < pcm.size();) {
    Event event;
    at += feed(pcm.data() + at, pcm.size() - at, &event);
    if (event.label >= 0) printf("%s %s %u\\n", who, event.name, event.score);
  }
}
int main() {
  std::vector<int16_t> pcm;
  int16_t x;
  while (fread(&x, 2, 1, stdin) == 1) pcm.push_back(x);
  if (loud_init() || slide_init()) return 1;
  hear<loud_event_t>("loud", loud_feed, pcm);
  hear<slide_event_t>("slide", slide_feed, pcm);
}
"""
    (tmp_path / "main.cpp").write_text(text)
    include = [f"-I{tmp_path / prefix / 'src'}" for prefix in ("loud", "slide")]
    for prefix in ("loud", "slide"):
        for source in (tmp_path / prefix / "src").glob("*.c"):
            run(
                "cc",
                "-std=c11",
                *FLAGS,
                *include,
                "-c",
                source,
                "-o",
                tmp_path / f"{source.stem}.o",
            )
    run("c++", *FLAGS, *include, tmp_path / "main.cpp", *tmp_path.glob("*.o"), "-o", tmp_path / "p")
    said = run(tmp_path / "p", input=sound.tobytes()).splitlines()
    for prefix, data in (("loud", model), ("slide", other)):
        events = [hop.event for hop in Chain(data).feed(sound) if hop.event]
        expected = [f"{prefix} {label} {score}" for label, score in events]
        assert [line for line in said if line.startswith(prefix)] == expected


@pytest.mark.parametrize("core", ["m0plus", "dsp"])
def test_every_external_symbol_has_the_prefix(core, tmp_path):
    machine = {"m0plus": ["-mcpu=cortex-m0plus"], "dsp": ["-mcpu=cortex-m33"]}[core]
    made = bundle(sliding(), "x", "my", core)
    for name, text in made.files.items():
        (tmp_path / name).write_text(text)
    files = [tmp_path / name for name in made.sources]
    gcc = ["arm-none-eabi-gcc", *machine, "-mthumb", "-std=c11", "-O2", "-Wall", "-Werror", "-c"]
    run(*gcc, *files, cwd=tmp_path)
    listed = run("arm-none-eabi-nm", "-g", "--defined-only", *tmp_path.glob("*.o"))
    symbols = [line.split()[-1] for line in listed.splitlines() if len(line.split()) == 3]
    assert len(symbols) > 20 and [s for s in symbols if not s.startswith("my_")] == []
    assert all(name.startswith("my") for name in made.files)


def test_the_arduino_sketch_prints_the_events(model, sound, heard, tmp_path):
    write(files_for("arduino", bundle(model, "loud")), tmp_path / "lib")
    library = tmp_path / "lib"
    properties = dict(
        line.split("=", 1) for line in (library / "library.properties").read_text().splitlines()
    )
    assert properties["name"] == "Otolith" and properties["includes"] == "otolith.h"
    sketch = tmp_path / "sketch.cpp"
    sketch.write_text(
        "#include <Arduino.h>\n" + (library / "examples/Listen/Listen.ino").read_text()
    )
    for source in (library / "src").glob("*.c"):
        run("cc", "-std=c11", "-O1", "-c", source, "-o", tmp_path / f"{source.stem}.o")
    include = [f"-I{ARDUINO}", f"-I{library / 'src'}"]
    objects = tmp_path.glob("*.o")
    run("c++", *FLAGS, *include, sketch, ARDUINO / "main.cpp", *objects, "-o", tmp_path / "run")
    said = run(tmp_path / "run", input=sound.tobytes())
    assert said == "".join(f"{label} {score / 32767:.2f}\n" for _, label, score in heard)


def _sketch_on_a_chip(library, sound, folder):
    """What the sketch prints on a Cortex-M4F in QEMU that hears `sound`."""
    sketch = folder / "sketch.cpp"
    text = (library / "examples/Listen/Listen.ino").read_text()
    sketch.write_text("#include <Arduino.h>\n" + text)
    flags = [*MACHINES["mps2-an386"][0], "-mthumb", "-O2", *FLAGS[1:], "-ffunction-sections"]
    sources = sorted((library / "src").glob("*.c"))
    run("arm-none-eabi-gcc", *flags, "-std=c11", "-c", *sources, cwd=folder)
    start = run("arm-none-eabi-gcc", *flags, "-print-file-name=rdimon-crt0.o").strip()
    objects = sorted(folder.glob("*.o"))
    own = [sketch, ARDUINO / "main.cpp", ARDUINO / "chip.cpp", *objects]
    flags += ["-fno-exceptions", "-fno-rtti", f"-I{ARDUINO}", f"-I{library / 'src'}"]
    link = ["-nostartfiles", start, "--specs=rdimon.specs", f"-T{ARDUINO / 'chip.ld'}"]
    link += ["-Wl,--gc-sections", "-o", folder / "sketch.elf"]
    run("arm-none-eabi-g++", *flags, *own, *link)
    sound.astype("<i2").tofile(folder / "sound.pcm")
    machine = [
        "qemu-system-arm",
        "-M",
        "mps2-an386",
        "-nographic",
        "-kernel",
        folder / "sketch.elf",
    ]
    machine += ["-semihosting-config", "enable=on,target=native"]
    return run(*machine, cwd=folder, stdin=subprocess.DEVNULL, timeout=60)


def _classified(tflite, sound):
    """The label and score of each event that `host classify` prints."""
    write_wav(tflite.with_suffix(".wav"), sound)
    command = ["classify", str(tflite.with_suffix(".wav")), "--model", str(tflite), "--json"]
    said = CliRunner().invoke(main, command)
    assert said.exit_code == 0, said.output
    events = [json.loads(line) for line in said.stdout.splitlines() if line.startswith("{")]
    return [(e["label"], e["score"]) for e in events if e["event"] == "detect"]


@pytest.mark.parametrize("ready", [None, pytest.param("fire_alarm", marks=pytest.mark.slow)])
def test_the_arduino_sketch_hears_the_same_on_a_cortex_m4(ready, model, sound, tmp_path):
    assert shutil.which("qemu-system-arm"), "run `host setup`"
    if ready is not None:
        model = (paths.MODELS / ready / f"{ready}.tflite").read_bytes()
        rng = np.random.default_rng(8)
        clips = [alarms.alarm_clip(rng, 48000), alarms.background_clip(rng, 16000)]
        sound = np.concatenate([clips[0], clips[1], clips[0]])
    (tmp_path / "x.tflite").write_bytes(model)
    write(files_for("arduino", bundle(model, "x", core="dsp")), tmp_path / "x")
    expected = _classified(tmp_path / "x.tflite", sound)
    assert len(expected) >= 2
    said = [
        line.split() for line in _sketch_on_a_chip(tmp_path / "x", sound, tmp_path).splitlines()
    ]
    assert [label for label, _ in said] == [label for label, _ in expected]
    # the sketch prints two decimals, host classify three
    both = zip(said, expected, strict=True)
    assert all(abs(float(printed) - score) < 0.0056 for (_, printed), (_, score) in both)


def test_cmake_builds_the_library_and_the_example(model, sound, heard, tmp_path):
    write(files_for("cmake", bundle(model, "loud")), tmp_path / "x")
    run(CMAKE, "-S", tmp_path / "x", "-B", tmp_path / "build")
    run(CMAKE, "--build", tmp_path / "build")
    assert run(tmp_path / "build" / "listen", input=sound.tobytes()) == lines(heard)


def test_platformio_reads_the_manifest(model, tmp_path):
    from platformio.package.manifest.parser import ManifestParserFactory
    from platformio.package.manifest.schema import ManifestSchema

    write(files_for("platformio", bundle(model, "loud", "loud")), tmp_path / "x")
    parsed = ManifestParserFactory.new_from_file(str(tmp_path / "x" / "library.json"))
    fields = parsed.as_dict()
    assert fields.pop("license") == "Apache-2.0"  # PlatformIO asks the network about licences
    manifest = ManifestSchema().load_manifest(fields)
    assert manifest["name"] == "loud" and manifest["headers"] == ["loud.h"]


# of Zephyr's own Kconfig, what the sample's prj.conf sets
ZEPHYR_KCONFIG = """config AUDIO
\tbool "Audio"
config AUDIO_DMIC
\tbool "DMIC"
\tdepends on AUDIO
config MAIN_STACK_SIZE
\tint "Stack of the main thread"
\tdefault 1024
osource "{}"
"""


def configured(module, sample, folder):
    """A file of CMake with the CONFIG_... of a sample, by the library that Zephyr's Kconfig is."""
    from kconfiglib import Kconfig

    top = folder / "Kconfig.top"
    top.write_text(ZEPHYR_KCONFIG.format(module / "Kconfig"))
    read = Kconfig(str(top), warn_to_stderr=False)
    read.load_config(str(sample / "prj.conf"))
    assert read.warnings == []
    values = {name: symbol.str_value for name, symbol in read.syms.items() if symbol.nodes}
    file = folder / "configured.cmake"
    file.write_text("".join(f"set(CONFIG_{n} {v})\n" for n, v in values.items() if v != "n"))
    return file, values


def test_zephyr_module_names_files_that_are_there(model):
    import yaml

    files = files_for("zephyr", bundle(model, "loud", "loud"))
    module = yaml.safe_load(files["zephyr/module.yml"])
    assert set(module) == {"name", "build"} and module["name"] == "loud"
    # zephyr_module.py of Zephyr 3.5 to 4.4: cmake is a folder with a CMakeLists.txt, kconfig a file
    assert set(module["build"]) == {"cmake", "kconfig"} and module["build"]["cmake"] == "."
    assert module["build"]["kconfig"] in files and "CMakeLists.txt" in files


def test_the_zephyr_sample_prints_the_events(model, sound, heard, tmp_path):
    """Built by its CMake files and Kconfig on stand-ins for Zephyr's headers and functions.

    And compiled as Zephyr does for an nRF52840. bench/zephyr.py builds it with Zephyr.
    """
    write(files_for("zephyr", bundle(model, "loud", "ear")), tmp_path / "x")
    sample = tmp_path / "x" / "samples" / "listen"
    include = [f"-I{ZEPHYR}", f"-I{tmp_path / 'x' / 'src'}"]
    main_c = sample / "src" / "main.c"
    arm = ("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")
    run("arm-none-eabi-gcc", *arm, *FLAGS, *include, "-c", main_c, "-o", tmp_path / "arm.o")
    config, values = configured(tmp_path / "x", sample, tmp_path)
    assert values["EAR"] == values["AUDIO_DMIC"] == "y"
    told = (f"-DZephyr_DIR={ZEPHYR}", f"-DCONFIGURED={config}")
    build = ("-B", tmp_path / "build", f"-DZEPHYR_EXTRA_MODULES={tmp_path / 'x'}")
    run(CMAKE, "-S", sample, *build, *told, f"-DCMAKE_C_FLAGS={' '.join(FLAGS)}")
    run(CMAKE, "--build", tmp_path / "build")
    said = run(tmp_path / "build" / "app", input=sound.tobytes()).splitlines()
    assert [line for line in said if line != "sound was lost"] == [
        f"{label} {score}" for _, label, score in heard
    ]
    assert said.count("sound was lost") == 1  # the driver stopped, and the sample started it again
    assert "CONFIG_MAIN_STACK_SIZE=4096" in (sample / "prj.conf").read_text()
    for overlay in (sample / "boards").iterdir():
        text = overlay.read_text()
        assert "dmic_dev: &pdm0 {" in text and text.count("{") == text.count("}")
    pins = named("nrf52840_dk").pins
    assert (pins["PDM_CLOCK"], pins["PDM_DATA"]) == ("P1_04", "P1_03")
    text = (sample / "boards" / "nrf52840dk_nrf52840.overlay").read_text()
    assert "PDM_CLK, 1, 4" in text and "PDM_DIN, 1, 3" in text


def test_the_header_has_what_the_compiler_knows(model, tmp_path):
    text = bundle(model, "loud", "ear").files["ear.h"]
    chain = Chain(model)
    for said in (
        "#define EAR_RATE 16000",
        f"#define EAR_HOP {chain.hop} ",
        f"#define EAR_WINDOW {256 + 7 * 128} ",
        "#define EAR_LABELS 2",
        "#define EAR_LABEL_LOUD 1",
        f'#define EAR_MODEL_HASH "{chain.network.digest}"',
    ):
        assert said in text


def test_the_command_writes_folders_and_zips(model, tmp_path):
    (tmp_path / "loud.tflite").write_bytes(model)
    host = CliRunner()

    def export(*arguments):
        return host.invoke(main, ["export", str(tmp_path / "loud.tflite"), *map(str, arguments)])

    out = tmp_path / "out"
    done = export("--for", "arduino", "-o", out, "--board", "pico")
    assert done.exit_code == 0 and "m0plus kernels" in done.output
    assert (out / "LICENSE").read_text().startswith((paths.ROOT / "LICENSE").read_text()[:50])
    assert "exists" in export("--for", "arduino", "-o", out).output
    assert export("--for", "arduino", "-o", out, "--replace").exit_code == 0
    for mine in ("mine.txt", "src/mine.c"):
        (out / mine).write_text("keep me")
        assert "exists" in export("--for", "arduino", "-o", out, "--replace").output
        (out / mine).unlink()
    assert export("--for", "zephyr", "-o", tmp_path / "z.zip").exit_code == 0
    with zipfile.ZipFile(tmp_path / "z.zip") as archive:
        assert "z/zephyr/module.yml" in archive.namelist()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "ardunio"], "did you mean arduino?"),
        (["--for", "c", "--prefix", "2x"], "lower-case letters"),
        (["--for", "c", "--core", "z80"], "core 'z80' is not known"),
        (["--for", "c", "--board", "pico", "--core", "dsp"], "exclude each other"),
        (["--for", "c", "--board", "pcio"], "no board 'pcio'"),
    ],
)
def test_bad_wishes_are_one_line(arguments, said, model, tmp_path):
    (tmp_path / "loud.tflite").write_bytes(model)
    out = tmp_path / "x"
    command = ["export", str(tmp_path / "loud.tflite"), "-o", str(out), *arguments]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1 and said in done.output and len(done.output.splitlines()) == 1
    assert not out.exists()


def test_a_model_without_metadata_is_refused():
    from support.tiny_model import network

    with pytest.raises(UserError, match="says nothing about its front end"):
        bundle(network(), "tiny")


def test_a_model_with_an_operation_that_is_not_compiled_makes_nothing(model, tmp_path, monkeypatch):
    (tmp_path / "loud.tflite").write_bytes(model)
    monkeypatch.delitem(OPS, "FULLY_CONNECTED")
    command = ["export", str(tmp_path / "loud.tflite"), "--for", "c", "-o", str(tmp_path / "x")]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1 and len(done.output.splitlines()) == 1
    assert "FULLY_CONNECTED is not supported by the compiled engine" in done.output
    assert [path.name for path in tmp_path.iterdir()] == ["loud.tflite"]


def test_every_target_is_in_the_docs():
    text = (paths.ROOT / "docs" / "own_firmware.md").read_text()
    assert all(f"`{name}`" in text for name in TARGETS)
