"""A file as a C array, as `xxd -i` writes it, aligned for TensorFlow Lite Micro."""

from __future__ import annotations

import re


def c_name(file: str) -> str:
    """The array's name: what is no letter or digit becomes _, as xxd does it."""
    name = re.sub(r"[^A-Za-z0-9]", "_", file)
    return f"__{name}" if name[:1].isdigit() else name


def header(data: bytes, file: str) -> str:
    """The header's text: array `<name>` (16-byte aligned) and its length `<name>_len`."""
    name = c_name(file)
    lines = [
        "  " + ", ".join(f"0x{byte:02x}" for byte in data[i : i + 12])
        for i in range(0, len(data), 12)
    ]
    guard = f"{name.upper()}_H"
    return (
        f"#ifndef {guard}\n#define {guard}\n\n"
        "#ifdef __cplusplus\n#define OTOLITH_ALIGN alignas(16)\n#else\n"
        "#define OTOLITH_ALIGN _Alignas(16)\n#endif\n\n"
        f"OTOLITH_ALIGN static const unsigned char {name}[] = {{\n"
        + ",\n".join(lines)
        + f"\n}};\nstatic const unsigned int {name}_len = {len(data)};\n\n"
        "#undef OTOLITH_ALIGN\n\n#endif\n"
    )
