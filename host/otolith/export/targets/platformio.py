"""PlatformIO: a library for lib_deps, for every framework and platform."""

from __future__ import annotations

import json

from otolith.export.bundle import Bundle
from otolith.export.targets import c
from otolith.version import VERSION


def files(made: Bundle) -> dict[str, str]:
    """The sources, library.json and the example."""
    heard = ", ".join(made.metadata.detect.thresholds)
    manifest = {
        "name": made.prefix,
        "version": VERSION,
        "description": f"Hears {heard} in 16-bit PCM",
        "license": "Apache-2.0",
        "frameworks": "*",
        "platforms": "*",
        "headers": made.header,
        "export": {"exclude": ["example"]},
        "build": {"srcDir": "src", "includeDir": "src"},
    }
    readme = f"""# {made.name} for PlatformIO

Put this folder into the `lib` folder of your project, or name it in platformio.ini:

    lib_deps = symlink:///path/to/{made.prefix}

Then `#include <{made.header}>` in your program. It may be C or C++.
"""
    return {
        **c.sources(made),
        "library.json": json.dumps(manifest, indent=2) + "\n",
        "example/listen.c": c.example(made),
        "README.md": readme,
    }
