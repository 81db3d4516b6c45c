"""CMake: a static library to link with, and the example of the C target."""

from __future__ import annotations

from otolith.export.bundle import Bundle
from otolith.export.targets import c


def library(made: Bundle) -> str:
    """CMake's lines that make the library."""
    listed = "\n".join(f"    src/{name}" for name in made.sources)
    return f"""add_library({made.prefix} STATIC
{listed}
)
target_include_directories({made.prefix} PUBLIC ${{CMAKE_CURRENT_LIST_DIR}}/src)
target_compile_features({made.prefix} PUBLIC c_std_11)
"""


def files(made: Bundle) -> dict[str, str]:
    """The sources, CMakeLists.txt and the example."""
    p = made.prefix
    text = f"""cmake_minimum_required(VERSION 3.13)
project({p} C)

{library(made)}
# The example is built only if this folder is the whole project.
if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
    add_executable(listen example/listen.c)
    target_link_libraries(listen {p})
endif()
"""
    readme = f"""# {made.name} for CMake

In your own project:

    add_subdirectory({p})
    target_link_libraries(your_program {p})

Here: `cmake -B build && cmake --build build`, then `build/listen < sound.raw`.
"""
    return {
        **c.sources(made),
        "example/listen.c": c.example(made),
        "CMakeLists.txt": text,
        "README.md": readme,
    }
