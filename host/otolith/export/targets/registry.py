"""Targets of `host export` by name. Each needs a line here.

Each is called with a Bundle and returns text by path: the sources and what its build system wants.
"""

TARGETS = {
    "c": "otolith.export.targets.c:files",
    "cmake": "otolith.export.targets.cmake:files",
    "pico-sdk": "otolith.export.targets.pico_sdk:files",
    "arduino": "otolith.export.targets.arduino:files",
    "platformio": "otolith.export.targets.platformio:files",
    "zephyr": "otolith.export.targets.zephyr:files",
}
