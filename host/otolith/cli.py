"""The `host` command. Subcommands are imported only when asked for, so --help stays fast."""

import click
from click.shell_completion import get_completion_class

from otolith import __version__
from otolith.lazy import Later, LazyGroup
from otolith.progress import be_quiet

# part of `host --help` -> name -> where the command is, and what the help says about it
PARTS = {
    "Project": {
        "new": Later("otolith.project.cli:new", "Make a project of your own."),
        "spec": Later("otolith.project.cli:spec", "Look at the settings of a spec."),
        "studio": Later("otolith.studio.cli:studio", "Record, train and try models in a browser."),
    },
    "Your sounds": {
        "record": Later("otolith.record.cli:record", "Record labelled WAV files."),
        "data": Later("otolith.data.cli:data", "Import, check, split and generate sounds."),
        "features": Later("otolith.features.cli:features", "Compute features as the chip does."),
    },
    "Train and judge": {
        "train": Later("otolith.train.cli:train_command", "Train a model from its spec.toml."),
        "sweep": Later("otolith.sweep.cli:sweep", "Search a model's settings."),
        "evaluate": Later("otolith.evaluate.cli:evaluate", "Measure how well a model hears."),
        "calibrate": Later(
            "otolith.evaluate.calibrate:calibrate_command", "Choose thresholds on recordings."
        ),
        "compare": Later(
            "otolith.evaluate.compare:compare", "Compare two models on the same clips."
        ),
    },
    "Try": {
        "classify": Later(
            "otolith.classify.cli:classify", "Print the events in a sound or stream."
        ),
        "monitor": Later("otolith.monitor.cli:monitor", "Show what a board hears, live."),
        "virtual": Later("otolith.virtual.cli:virtual", "Run firmware images without a board."),
    },
    "Board": {
        "train-and-deploy": Later(
            "otolith.deploy.cli:train_and_deploy", "Train, build, run and judge in one go."
        ),
        "boards": Later(
            "otolith.deploy.boards_cli:boards", "List boards, show their wiring, check one."
        ),
        "device": Later("otolith.device.settings:device", "Show or change how a board decides."),
        "summarize": Later(
            "otolith.summarize.cli:summarize", "Show a model and the boards it fits."
        ),
        "profile": Later(
            "otolith.summarize.profile:profile_command", "Measure cycles of each layer."
        ),
    },
    "Your own firmware": {
        "export": Later("otolith.export.cli:export", "Write a model as C for your own firmware."),
        "compile": Later("otolith.summarize.compile_cli:compile_", "Compile a .tflite to C."),
        "header": Later("otolith.summarize.compile_cli:header", "Write a .tflite as a C header."),
        "adopt": Later(
            "otolith.compile.adopt:adopt_command", "Give another's network a front end."
        ),
        "run": Later("otolith.bench.run:run", "Run a network once, here or on a virtual core."),
        "bench": Later("otolith.bench.engines:bench", "Measure kernels, engines and images."),
    },
    "This computer": {
        "setup": Later("otolith.setup.cli:setup", "Get what pip can't install."),
        "doctor": Later("otolith.setup.cli:doctor", "List what is installed, what is missing."),
        "completion": Later(
            "otolith.cli:completion", "Print what a shell needs to complete words."
        ),
    },
}
COMMANDS = {name: later for part in PARTS.values() for name, later in part.items()}


@click.group(cls=LazyGroup, parts=PARTS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="otolith")
@click.option("-q", "--quiet", is_flag=True, help="Show results and errors, no progress.")
def main(quiet: bool) -> None:
    """Teach a microcontroller to recognise sounds.

    \b
    Examples:
        host new doorbell --hear ring,knock && cd doorbell
        host record ring --count 20
        host data split
        host train .
        host train-and-deploy . --no-train
    """
    be_quiet(quiet)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option(
    "--program",
    type=click.Choice(["host", "otolith"]),
    default="host",
    show_default=True,
    help="Which of the two names is completed.",
)
def completion(shell: str, program: str) -> None:
    """Print a script for SHELL that completes commands and options.

    \b
    Examples:
        eval "$(host completion bash)"                    # in ~/.bashrc
        eval "$(host completion zsh)"                     # in ~/.zshrc
        host completion fish > ~/.config/fish/completions/host.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(main, {}, program, f"_{program.upper()}_COMPLETE").source())


if __name__ == "__main__":
    main()
