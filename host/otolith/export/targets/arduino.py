"""Arduino: a library with a sketch that reads a PDM microphone through PDM.h."""

from __future__ import annotations

from otolith.export.bundle import Bundle, macro
from otolith.export.targets import c
from otolith.version import VERSION


def files(made: Bundle) -> dict[str, str]:
    """The sources, library.properties and the sketch."""
    p, name = made.prefix, library_name(made)
    properties = f"""name={name}
version={VERSION}
author=Otolith
maintainer=Otolith
sentence=Hears {", ".join(made.metadata.detect.thresholds)} in 16-bit PCM.
paragraph=A network and its front end in C, made by Otolith.
category=Signal Input/Output
architectures=*
includes={made.header}
"""
    readme = f"""# {made.name} for Arduino

Copy this folder to the `libraries` folder of your sketchbook, or add its .zip with Sketch > Include
Library > Add .ZIP Library. File > Examples > {name} > Listen hears a PDM microphone, as the Nano 33
BLE Sense and the Nano RP2040 Connect have one.
"""
    return {
        **c.sources(made),
        "library.properties": properties,
        "examples/Listen/Listen.ino": _sketch(made),
        "keywords.txt": f"{p}_init\tKEYWORD2\n{p}_feed\tKEYWORD2\n{p}_reset\tKEYWORD2\n",
        "README.md": readme,
    }


def library_name(made: Bundle) -> str:
    """The library's name: the prefix with a capital."""
    return macro(made.prefix).title()


def _sketch(made: Bundle) -> str:
    p, upper = made.prefix, made.prefix.upper()
    return f"""// Hears a PDM microphone and prints a line an event.
#include <PDM.h>
#include <{made.header}>

// Samples between the microphone's interrupt and loop(). They have to last while the network runs.
static int16_t ring[8192];
static volatile uint32_t written;
static uint32_t done;

static void onPDMdata() {{
  int16_t block[256];
  int bytes = PDM.available();
  while (bytes > 0) {{
    const int n = PDM.read(block, bytes < (int)sizeof block ? bytes : sizeof block) / 2;
    if (n <= 0) {{
      break;
    }}
    for (int i = 0; i < n; i++) {{
      ring[(written + i) % 8192] = block[i];
    }}
    written += n;
    bytes -= 2 * n;
  }}
}}

void setup() {{
  Serial.begin(115200);
  if ({p}_init() != 0) {{
    Serial.println("{p}: the sources are damaged");
    while (true) {{
    }}
  }}
  PDM.onReceive(onPDMdata);
  if (!PDM.begin(1, {upper}_RATE)) {{
    Serial.println("no PDM microphone");
    while (true) {{
    }}
  }}
}}

void loop() {{
  const uint32_t waiting = written - done;
  if (waiting > 8192) {{
    Serial.println("samples lost: the network takes too long for this board");
    done = written;
    {p}_reset();
    return;
  }}
  if (waiting == 0) {{
    return;
  }}
  const uint32_t at = done % 8192;
  const uint32_t n = waiting < 8192 - at ? waiting : 8192 - at;
  {p}_event_t event;
  done += {p}_feed(ring + at, n, &event);
  if (event.label != {upper}_NONE) {{
    Serial.print(event.name);
    Serial.print(' ');
    Serial.println(event.score / (float){upper}_SCORE_ONE);
  }}
}}
"""
