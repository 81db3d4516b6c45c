"""The one place where the version of package and firmware and that of the wire protocol stand.

pyproject.toml and platform/builder read this file; tests compare platform/platform.json and
WIRE_PROTOCOL of lib/wire with it.
"""

VERSION = "0.1.0"  # Semantic Versioning; `hello` reports it
PROTOCOL = 1  # of the wire; changes when an old host could misread a new board, or the reverse
