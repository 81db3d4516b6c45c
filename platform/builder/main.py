"""Build script of every Otolith board: toolchain, flags of our code, model, outputs.

What a chip family needs on top (SDK sources, linker script, image format) is in <family>.py.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from SCons.Script import COMMAND_LINE_TARGETS, AlwaysBuild, Builder, Default, DefaultEnvironment

env = DefaultEnvironment()
board = env.BoardConfig()
project = Path(env.subst("$PROJECT_DIR"))
build_dir = Path(env.subst("$BUILD_DIR"))
builder_dir = Path(env.PioPlatform().get_dir()) / "builder"
# Otolith's own firmware/ and lib/. A project made by `host new` lies elsewhere.
root = builder_dir.resolve().parents[1]
sys.path.insert(0, str(builder_dir))
import app_json  # noqa: E402

from otolith import paths  # noqa: E402
from otolith.device import microphones  # noqa: E402
from otolith.device.boards import board_from, check, with_options  # noqa: E402
from otolith.errors import UserError  # noqa: E402
from otolith.version import VERSION  # noqa: E402


def fail(message):
    """Print one line and stop. Earlier outputs stay as they are."""
    sys.stderr.write(f"Error: {message}\n")
    env.Exit(1)


def run_host(*arguments):
    """Run the `host` command of this checkout. It prints its own errors."""
    if subprocess.run([sys.executable, "-m", "otolith", *arguments], cwd=project).returncode:
        env.Exit(1)


# --- toolchain -------------------------------------------------------------------------------
PREFIX = "arm-none-eabi-"
OLDEST = 12  # major version
packaged = paths.TOOLS / "pio-core" / "packages" / "toolchain-gccarmnoneeabi" / "bin"
if not shutil.which(PREFIX + "gcc") and packaged.is_dir():  # PlatformIO's, by `host setup`
    os.environ["PATH"] += os.pathsep + str(packaged)
    env.AppendENVPath("PATH", str(packaged))
compiler = shutil.which(PREFIX + "gcc")
if not compiler:
    fail(
        f"no {PREFIX}gcc on PATH: run `host setup`, or install Arm GNU Toolchain {OLDEST} or later"
    )
dump = subprocess.run([compiler, "-dumpversion"], capture_output=True, text=True).stdout.strip()
if not dump.partition(".")[0].isdigit() or int(dump.partition(".")[0]) < OLDEST:
    fail(f"{compiler} is version {dump or 'unknown'}: Otolith needs {OLDEST} or later")

link = f'"{sys.executable}" "{builder_dir / "link.py"}" "{board.get("name")}" {PREFIX}gcc'
env.Replace(
    AR=PREFIX + "ar",
    AS=PREFIX + "gcc",
    CC=PREFIX + "gcc",
    CXX=PREFIX + "g++",
    LINK=link,
    OBJCOPY=PREFIX + "objcopy",
    RANLIB=PREFIX + "ranlib",
    ARFLAGS=["rc"],
    PROGNAME="firmware",
    PROGSUFFIX=".elf",
)

# --- the app and our own code: warnings are errors -------------------------------------------
# A project without custom_app brings its own main.c, main.cpp or .ino.
strangers = env.GetProjectOption("custom_app", None) is None
try:
    app = app_json.OWN if strangers else app_json.load(root, env.GetProjectOption("custom_app"))
except app_json.AppError as error:
    fail(error)
if not strangers:
    env.Replace(SRC_FILTER=[f"+<{app.name}/>"])

engine = env.GetProjectOption("custom_engine", "compiled")
if engine not in ("compiled", "tflm"):
    fail(f"custom_engine = {engine}: compiled or tflm")

try:
    content = {key: board.get(key) for key in ("name", "build", "otolith", "upload")}
    options = os.environ.get("OTOLITH_BOARD_OPTIONS") or env.GetProjectOption(
        "custom_board_options", ""
    )
    about = check(
        with_options(board_from(board.id, content, f"boards/{board.id}.json"), options.split())
    )
except UserError as error:
    fail("; ".join(error.message.split("\n")))
microphone = about.microphone

family = board.get("otolith.family")
optimize = board.get("otolith.optimize", "speed")
machine = [f"-mcpu={board.get('build.cpu')}", "-mthumb", *board.get("build.core_flags", [])]
env.Append(
    ASFLAGS=[*machine, "-x", "assembler-with-cpp"],
    CCFLAGS=[
        *machine,
        "-O3" if optimize == "speed" else "-Os",
        "-g",
        "-ffunction-sections",
        "-fdata-sections",
        "-fno-common",
        "-Wall",
        *([] if strangers else ["-Wextra", "-Werror"]),
        # two checkouts of one commit give identical images
        f"-ffile-prefix-map={root}=.",
    ],
    CFLAGS=["-std=c11"],
    LINKFLAGS=[
        *machine,
        "-Wl,--gc-sections",
        f"-Wl,-Map={build_dir / 'firmware.map'}",
        "-Wl,--fatal-warnings",
    ],
    CPPDEFINES=[
        ("OTOLITH_VERSION", f'\\"{VERSION}\\"'),
        ("BOARD_NAME", f'\\"{board.id}\\"'),
        f"BOARD_FAMILY_{family.upper()}",
        *(["OTOLITH_USB_MICROPHONE"] if app.microphone == "usb" else []),
        *(["NN_PROFILE"] if app.profile else []),
        *((f"BOARD_PIN_{name}", pin) for name, pin in board.get("otolith.pins", {}).items()),
        *([("BOARD_BAUD", board.get("otolith.baud"))] if "otolith.baud" in board else []),
        *microphones.defines(microphone),
    ],
    CPPPATH=[builder_dir.parent / "sketch" if strangers else root / "firmware" / app.name],
    BUILDERS={
        "ElfToBin": Builder(
            action=env.VerboseAction("$OBJCOPY -O binary $SOURCE $TARGET", "Writing $TARGET"),
            suffix=".bin",
        )
    },
)

# --- sources that are not ours: no warnings --------------------------------------------------
foreign = env.Clone()
foreign.Replace(
    CCFLAGS=[f for f in env["CCFLAGS"] if not str(f).startswith("-W")] + ["-w"],
    CFLAGS=["-std=gnu11"],
)
foreign.Append(ASFLAGS=["-Wa,--no-warn"])


def add_libraries(*names):
    """Compile and link lib/<name> and its dependencies, and add their include folders."""
    option = f"env:{env['PIOENV']}"
    config = env.GetProjectConfig()
    manifests = []
    for name in app_json.dependencies(root, names):
        folder = root / "lib" / name
        manifests.append(json.loads((folder / "library.json").read_text())["name"])
        for target in (env, foreign):
            target.AppendUnique(CPPPATH=[folder / "src"])
    declared = config.get(option, "lib_deps", [])
    config.set(option, "lib_deps", [*declared, *(n for n in manifests if n not in declared)])
    if strangers:  # its lib_dir is not ours
        folders = config.get(option, "lib_extra_dirs", [])
        if str(root / "lib") not in folders:
            config.set(option, "lib_extra_dirs", [*folders, str(root / "lib")])


add_libraries("board", *app.libraries)

board_folders = {family}  # in lib/board; the family's script adds shared folders


def only_this_family(node):
    """Leave out the folders of lib/board that belong to other chip families."""
    folder = Path(node.srcnode().get_abspath()).parent.resolve()  # lib/ may be a link
    if folder.parent != root / "lib" / "board" / "src":
        return node
    if folder.name not in board_folders:
        return None
    kind = "none" if "no_microphone" in board_folders else microphone.kind
    other = node.name.startswith("microphone_") and node.name != f"microphone_{kind}.c"
    return None if other else node


if app.microphone == "none" or microphone.kind == "none":
    board_folders.add("no_microphone")
env.AddBuildMiddleware(only_this_family)


def add_foreign(folder, sources, name):
    """Compile `sources` (paths below `folder`) quietly and link their objects."""
    for source in sources:
        path = Path(folder) / source
        if not path.exists():
            fail(f"{path} is missing: run `host setup`")
        target = build_dir / name / (source + ".o")
        env.Append(PIOBUILDFILES=[foreign.Object(str(target), str(path))])


def add_model():
    """Compile the network to C and add it. Train it first if there is only its spec."""
    named = os.environ.get("OTOLITH_MODEL") or env.GetProjectOption("custom_model")
    models = [project / name for name in named.split(os.pathsep)]  # absolute ones stay
    for model in models:
        if model.exists():
            continue
        if not (model.parent / "spec.toml").exists():
            fail(f"{model}: no such model (custom_model in platformio.ini, or OTOLITH_MODEL)")
        print(f"{model.name} is not trained yet: training it from {model.parent}/spec.toml")
        run_host("train", str(model.parent))
    out = build_dir / "model"
    listens = app.model == "listening"  # it then has to keep up with the microphone
    weights = board.get("otolith.optimize", "")
    packed = ["--optimize", weights] if weights else []
    packed += ["--flash", str(board.get("upload.maximum_size"))]
    kernels = ["--core", board.get("build.cpu"), *packed]
    judged = ["--board", board.id] if listens and engine == "compiled" else []
    whole = ["--no-keep-rows"] if os.environ.get("OTOLITH_KEEP_ROWS") == "no" else []
    gate = os.environ.get("OTOLITH_GATE")
    told = [*kernels, *whole, *judged, *(["--gate", gate] if gate else [])]
    run_host("compile", *map(str, models), "-o", str(out), "--engine", engine, *told)
    several = len(list(out.glob("model_*.c")))
    if several:  # they share the front end (lib/listen/src/listen_several.h)
        if not listens:
            fail(f"{app.name} runs one network, not {several}")
        env.Append(CPPDEFINES=[("LISTEN_MODELS", several)])
    if listens and not (out / "pipeline.c").exists():
        fail(
            f"{named} says nothing about its front end: train it with `host train`, or build an "
            "app that takes any network, such as bench"
        )
    if engine == "tflm":
        add_libraries("nn_tflm")
        env.SConscript(str(builder_dir / "tflm.py"), exports=["env", "foreign", "root", "fail"])
        env.Append(PIOBUILDFILES=[env.EngineObject(f) for f in sorted(out.glob("*.cpp"))])
    # pipeline.c, the model's front end, is for apps that listen
    written = [f for f in sorted(out.glob("*.c")) if listens or f.name != "pipeline.c"]
    env.Append(PIOBUILDFILES=[env.Object(f"{f}.o", str(f)) for f in written])


def add_core(script, *folders):
    """Add what chip families share.

    This is cortex_m and `folders` of lib/board and, from the board's JSON, the clock and the
    memory regions for the linker `script`.
    """
    board_folders.update(["cortex_m", *folders])
    memory = build_dir / "memory" / "memory.ld"
    memory.parent.mkdir(parents=True, exist_ok=True)
    regions = (("FLASH", "rx", "flash", "maximum_size"), ("RAM", "rw", "ram", "maximum_ram_size"))
    memory.write_text(
        "".join(
            f"{name}({access}) : ORIGIN = {board.get(f'otolith.memory.{start}')}, "
            f"LENGTH = {board.get(f'upload.{size}')}\n"
            for name, access, start, size in regions
        )
    )
    script = root / "lib" / "board" / "src" / family / script
    env.Append(
        CPPDEFINES=[("BOARD_CLOCK_HZ", int(board.get("build.f_cpu").rstrip("L")))],
        LINKFLAGS=[f"-L{memory.parent}", f"-T{script}", "-nostartfiles", "--specs=nosys.specs"],
    )
    env.Depends("$BUILD_DIR/${PROGNAME}.elf", str(script))


def write_uf2(target, source, env):
    """Write a UF2 file for a boot loader's drive."""
    from otolith.deploy.uf2 import write

    base, family_id = board.get("otolith.memory.flash"), board.get("upload.uf2_family")
    write(Path(str(source[0])), Path(str(target[0])), int(base, 16), int(family_id, 16))


def write_dfu(target, source, env):
    """Write a DFU package for a boot loader's serial port."""
    from otolith.deploy.dfu import write

    write(Path(str(source[0])), Path(str(target[0])))


def upload(target, source, env):
    """Upload by the first method whose tool and board are present."""
    from otolith.deploy.upload import upload as to_board
    from otolith.errors import UserError

    try:
        print(to_board(board.id, build_dir, env.subst("$UPLOAD_PORT") or None))
    except UserError as error:
        sys.stderr.write(f"Error: {error.message}\n")
        return 1
    return 0


def add_images(elf):
    """Make .bin, .hex and the files that the board's upload methods need; add the upload target."""
    binary = env.ElfToBin(str(build_dir / "firmware.bin"), elf)
    to_hex = env.VerboseAction("$OBJCOPY -O ihex $SOURCE $TARGET", "Writing $TARGET")
    images = [binary, env.Command(str(build_dir / "firmware.hex"), elf, to_hex)]
    for protocol, suffix, action in (("uf2", "uf2", write_uf2), ("nrfutil", "zip", write_dfu)):
        if protocol in board.get("upload.protocols", []):
            to_image = env.VerboseAction(action, "Writing $TARGET")
            images.append(env.Command(str(build_dir / f"firmware.{suffix}"), binary, to_image))
    to_board = env.VerboseAction(upload, f"Uploading to {board.get('name')}")
    AlwaysBuild(env.Alias("upload", images, to_board))
    return images


cleaning = env.IsCleanTarget() or "idedata" in COMMAND_LINE_TARGETS
env.SConscript(
    str(builder_dir / f"{family}.py"),
    exports=[
        "env",
        "foreign",
        "add_core",
        "add_foreign",
        "add_images",
        "add_libraries",
        "board_folders",
        "fail",
        "app",
        "root",
    ],
)
if not cleaning and app.model != "none":
    add_model()


def add_sketch():
    """What C++ and sketches need besides lib/board."""
    env.Append(CXXFLAGS=["-std=gnu++17", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics"])
    folder = builder_dir.resolve().parent / "sketch"
    sources = []
    if env.FindInoNodes():
        env.ConvertInoToCpp()
        sources.append("sketch.cpp")
    if family not in ("rp2040", "rp2350"):  # pico-sdk calls constructors itself
        sources.append("constructors.c")
        env.Append(LINKFLAGS=["-Wl,--wrap=main", f"-T{folder / 'constructors.ld'}"])
    for name in sources:
        target = str(build_dir / "sketch" / f"{name}.o")
        env.Append(PIOBUILDFILES=[env.Object(target, str(folder / name))])


if strangers and not cleaning:
    add_sketch()

elf = env.BuildProgram()
image = env.FamilyImage(elf)
env.Precious(elf, image)  # keep old ones until new ones are complete


def report_size(target, source, env):
    """Print flash and RAM by part."""
    from otolith.firmware.size import print_report

    print_report(
        build_dir / "firmware.map",
        board.get("upload.maximum_size"),
        board.get("upload.maximum_ram_size"),
    )


AlwaysBuild(env.Alias("size", elf, env.VerboseAction(report_size, "Flash and RAM by part")))
env.AddPostAction(elf, env.VerboseAction(report_size, "Flash and RAM by part"))
Default([elf, image])
