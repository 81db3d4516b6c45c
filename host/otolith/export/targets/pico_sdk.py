"""pico-sdk: a program that hears an analog microphone at GPIO 26 and prints events over USB."""

from __future__ import annotations

from otolith.export.bundle import Bundle
from otolith.export.targets import c, cmake


def files(made: Bundle) -> dict[str, str]:
    """The sources, CMakeLists.txt and a main.c for the Pico."""
    p = made.prefix
    text = f"""cmake_minimum_required(VERSION 3.13)
include($ENV{{PICO_SDK_PATH}}/external/pico_sdk_import.cmake)
project({p}_listen C CXX ASM)
pico_sdk_init()

{cmake.library(made)}
add_executable({p}_listen main.c)
target_link_libraries({p}_listen {p} pico_stdlib hardware_adc hardware_dma)
pico_enable_stdio_usb({p}_listen 1)
pico_enable_stdio_uart({p}_listen 1)
pico_add_extra_outputs({p}_listen)
"""
    readme = f"""# {made.name} for the pico-sdk

    export PICO_SDK_PATH=/path/to/pico-sdk
    cmake -B build && cmake --build build

build/{p}_listen.uf2 hears an analog microphone (such as the MAX9814) at GPIO 26 and prints a line
an event over USB and UART. `main.c` reads the ADC by DMA; replace it to use another microphone.
"""
    return {**c.sources(made), "main.c": _main(made), "CMakeLists.txt": text, "README.md": readme}


def _main(made: Bundle) -> str:
    p, upper = made.prefix, made.prefix.upper()
    return f"""/* Analog microphone at GPIO 26 -> {p} -> a line an event over USB and UART. */
#include <stdio.h>

#include "hardware/adc.h"
#include "hardware/dma.h"
#include "{made.header}"
#include "pico/stdlib.h"

enum {{ BLOCK = 256, BLOCKS = 16 }}; /* BLOCKS have to last while the network runs */

static uint16_t ring[BLOCKS][BLOCK];

/* Begin to convert {upper}_RATE samples a second into block 0. */
static int start_microphone(void) {{
    adc_init();
    adc_gpio_init(26);
    adc_select_input(0);
    adc_fifo_setup(true, true, 1, false, false);
    adc_set_clkdiv(48000000.0f / {upper}_RATE - 1);
    const int channel = dma_claim_unused_channel(true);
    dma_channel_config config = dma_channel_get_default_config(channel);
    channel_config_set_transfer_data_size(&config, DMA_SIZE_16);
    channel_config_set_read_increment(&config, false);
    channel_config_set_write_increment(&config, true);
    channel_config_set_ring(&config, true, 13); /* sizeof ring is 8192 bytes */
    channel_config_set_dreq(&config, DREQ_ADC);
    dma_channel_configure(channel, &config, ring, &adc_hw->fifo, 0xffffffff, true);
    adc_run(true);
    return channel;
}}

int main(void) {{
    stdio_init_all();
    if ({p}_init() != 0) {{
        panic("{p}: the sources are damaged");
    }}
    const int channel = start_microphone();
    uint32_t done = 0; /* blocks */
    int32_t mean = 2048 << 8;
    for (;;) {{
        const uint32_t written = (0xffffffff - dma_hw->ch[channel].transfer_count) / BLOCK;
        if (written == done) {{
            tight_loop_contents();
            continue;
        }}
        int16_t pcm[BLOCK];
        for (int i = 0; i < BLOCK; i++) {{
            const int32_t raw = ring[done % BLOCKS][i];
            mean += ((raw << 8) - mean) >> 8; /* follows the offset of the microphone */
            const int32_t sample = (raw - (mean >> 8)) * 16;
            pcm[i] = (int16_t)(sample > 32767 ? 32767 : sample < -32768 ? -32768 : sample);
        }}
        done++;
        {p}_event_t event;
        for (size_t at = 0; at < BLOCK;) {{
            at += {p}_feed(pcm + at, BLOCK - at, &event);
            if (event.label != {upper}_NONE) {{
                printf("%s %u\\n", event.name, event.score);
            }}
        }}
    }}
}}
""".replace(
        "static uint16_t ring[BLOCKS][BLOCK];",
        "static uint16_t ring[BLOCKS][BLOCK] __attribute__((aligned(8192)));",
    )
