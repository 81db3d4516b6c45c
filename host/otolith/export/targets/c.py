"""Plain C: sources in src/, and a program that hears raw PCM from standard input."""

from __future__ import annotations

from otolith.export.bundle import Bundle


def sources(made: Bundle, folder: str = "src") -> dict[str, str]:
    """The sources below a folder."""
    return {f"{folder}/{name}": text for name, text in made.files.items()}


def example(made: Bundle) -> str:
    """A program for a computer: prints an event a line."""
    p, rate = made.prefix, made.metadata.features.sample_rate
    return f"""/* Hears raw PCM from standard input: 16 bit, mono, {rate} Hz.
 *
 *     sox sound.wav -t raw -r {rate} -b 16 -e signed -c 1 - | ./listen
 */
#include <stdio.h>

#include "{made.header}"

int main(void) {{
    static int16_t pcm[1024];
    {p}_event_t event;
    size_t n;
    if ({p}_init() != 0) {{
        return 1;
    }}
    while ((n = fread(pcm, sizeof *pcm, sizeof pcm / sizeof *pcm, stdin)) > 0) {{
        for (size_t at = 0; at < n;) {{
            at += {p}_feed(pcm + at, n - at, &event);
            if (event.label != {p.upper()}_NONE) {{
                printf("%llu %s %u\\n", (unsigned long long)event.sample, event.name, event.score);
            }}
        }}
    }}
    return 0;
}}
"""


def files(made: Bundle) -> dict[str, str]:
    """The sources, the example and how to compile them."""
    readme = f"""# {made.name} in C

    cc -std=c11 -O2 -Isrc src/*.c example/listen.c -o listen

`src/{made.header}` is the only header to include. `example/listen.c` shows its use.
"""
    return {**sources(made), "example/listen.c": example(made), "README.md": readme}
