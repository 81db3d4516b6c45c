"""The `host` command. Subcommands are imported only when asked for, so --help stays fast."""

import click

from host import __version__
from host.lazy import LazyGroup

# name -> "module:attribute" of a click command; one line a command.
COMMANDS = {
    "setup": "host.setup.cli:setup",
    "doctor": "host.setup.cli:doctor",
    "record": "host.record.cli:record",
    "data": "host.data.cli:data",
    "features": "host.features.cli:features",
    "train": "host.train.cli:train_command",
    "sweep": "host.sweep.cli:sweep",
    "evaluate": "host.evaluate.cli:evaluate",
    "compare": "host.evaluate.compare:compare",
    "summarize": "host.summarize.cli:summarize",
    "profile": "host.summarize.profile:profile_command",
    "adopt": "host.compile.adopt:adopt_command",
    "compile": "host.compile.cli:compile_",
    "header": "host.compile.cli:header",
    "run": "host.compile.run:run",
    "bench": "host.bench.engines:bench",
    "virtual": "host.virtual.cli:virtual",
    "train-and-deploy": "host.deploy.cli:train_and_deploy",
    "device": "host.device.settings:device",
    "monitor": "host.monitor.cli:monitor",
    "classify": "host.classify.cli:classify",
}


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="otolith")
def main() -> None:
    """Teach a microcontroller to recognise sounds."""


if __name__ == "__main__":
    main()
