"""Writes a file as a C array like `xxd -i`, aligned for TensorFlow Lite Micro."""

from __future__ import annotations

import re


def c_name(file: str) -> str:
    """The name of the array. As with xxd, every character except letters and digits becomes _."""
    name = re.sub(r"[^A-Za-z0-9]", "_", file)
    return f"__{name}" if name[:1].isdigit() else name


def header(data: bytes, file: str) -> str:
    """The text of the header: array `<name>`, aligned to 16 bytes, and its length `<name>_len`."""
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
