"""The `host` command. Subcommands are imported only when asked for, so --help stays fast."""

import click

from otolith import __version__
from otolith.lazy import LazyGroup

# name -> "module:attribute" of a click command; one line a command.
COMMANDS = {
    "setup": "otolith.setup.cli:setup",
    "doctor": "otolith.setup.cli:doctor",
    "record": "otolith.record.cli:record",
    "data": "otolith.data.cli:data",
    "features": "otolith.features.cli:features",
    "train": "otolith.train.cli:train_command",
    "sweep": "otolith.sweep.cli:sweep",
    "evaluate": "otolith.evaluate.cli:evaluate",
    "compare": "otolith.evaluate.compare:compare",
    "summarize": "otolith.summarize.cli:summarize",
    "profile": "otolith.summarize.profile:profile_command",
    "adopt": "otolith.compile.adopt:adopt_command",
    "compile": "otolith.summarize.compile_cli:compile_",
    "header": "otolith.summarize.compile_cli:header",
    "run": "otolith.bench.run:run",
    "bench": "otolith.bench.engines:bench",
    "virtual": "otolith.virtual.cli:virtual",
    "train-and-deploy": "otolith.deploy.cli:train_and_deploy",
    "device": "otolith.device.settings:device",
    "monitor": "otolith.monitor.cli:monitor",
    "classify": "otolith.classify.cli:classify",
}


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="otolith")
def main() -> None:
    """Teach a microcontroller to recognise sounds."""


if __name__ == "__main__":
    main()
