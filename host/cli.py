"""The `host` command. Subcommands are imported only when asked for, so --help stays fast."""

import importlib

import click

from host import __version__

# name -> "module:attribute" of a click command; one line a command.
COMMANDS = {
    "setup": "host.setup.cli:setup",
    "doctor": "host.setup.cli:doctor",
    "data": "host.data.cli:data",
    "features": "host.features.cli:features",
    "train": "host.train.cli:train_command",
    "compile": "host.compile.cli:compile_",
    "header": "host.compile.cli:header",
    "run": "host.compile.run:run",
    "virtual": "host.virtual.cli:virtual",
    "train-and-deploy": "host.deploy.cli:train_and_deploy",
    "monitor": "host.device.cli:monitor",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        target = COMMANDS.get(name)
        if target is None:
            return None
        module, attribute = target.split(":")
        return getattr(importlib.import_module(module), attribute)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="otolith")
def main() -> None:
    """Teach a microcontroller to recognise sounds."""


if __name__ == "__main__":
    main()
