"""Zephyr: a module with Kconfig, and a sample that hears a DMIC."""

from __future__ import annotations

from otolith.export.bundle import Bundle
from otolith.export.targets import c

# The driver stops when its queue of blocks is full: 4 by default, less than a network may take.
_QUEUE = """    status = "okay";
    queue-size = <16>;
"""
_NRF52840_DK = f"""/* A PDM microphone at the Arduino header: data D2 (P1.03), clock D3 (P1.04). */
&pinctrl {{
    listen_pdm: listen_pdm {{
        group1 {{
            psels = <NRF_PSEL(PDM_CLK, 1, 4)>, <NRF_PSEL(PDM_DIN, 1, 3)>;
        }};
    }};
}};

dmic_dev: &pdm0 {{
{_QUEUE}    pinctrl-0 = <&listen_pdm>;
    pinctrl-names = "default";
}};
"""
_XIAO_SENSE = f"""/* The microphone on the board, and its supply. */
/ {{
    msm261d3526hicpm-c-en {{
        regulator-boot-on;
    }};
}};

dmic_dev: &pdm0 {{
{_QUEUE}}};
"""


def files(made: Bundle) -> dict[str, str]:
    """The sources, the module's files and the sample."""
    p, upper = made.prefix, made.prefix.upper()
    listed = "\n".join(f"    src/{name}" for name in made.sources)
    readme = f"""# {made.name} for Zephyr

For Zephyr 3.5 and later. Built with 3.5; compared with the documentation of 3.7 and 4.x, whose
board names stand below (in 3.5 and 3.6: nrf52840dk_nrf52840, xiao_ble_sense). Name this folder in
ZEPHYR_EXTRA_MODULES and set `CONFIG_{upper}=y` in prj.conf. The thread that
calls `{p}_feed` needs a stack of 2 kB or more.

The sample hears the board's PDM microphone:

    west build -b nrf52840dk/nrf52840 samples/listen -- -DZEPHYR_EXTRA_MODULES=$PWD
    west build -b xiao_ble/nrf52840/sense samples/listen -- -DZEPHYR_EXTRA_MODULES=$PWD

The nRF52840 DK takes a microphone at D2 (data) and D3 (clock). Another board needs a file
samples/listen/boards/BOARD.overlay that gives its PDM node the label `dmic_dev`.
"""
    return {
        **c.sources(made),
        "zephyr/module.yml": f"name: {p}\nbuild:\n  cmake: .\n  kconfig: Kconfig\n",
        "Kconfig": f"""config {upper}
\tbool "Sound recognition: {p}"
\thelp
\t  The model {_plain(made.name)} with its front end, in C without a heap.
""",
        "CMakeLists.txt": f"""if(CONFIG_{upper})
  zephyr_include_directories(src)
  zephyr_library()
  zephyr_library_sources(
{listed}
  )
endif()
""",
        "samples/listen/CMakeLists.txt": f"""cmake_minimum_required(VERSION 3.20)
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({p}_listen)
target_sources(app PRIVATE src/main.c)
""",
        "samples/listen/prj.conf": f"CONFIG_{upper}=y\nCONFIG_AUDIO=y\nCONFIG_AUDIO_DMIC=y\n"
        "# of the thread that runs the front end and the network\nCONFIG_MAIN_STACK_SIZE=4096\n",
        "samples/listen/boards/nrf52840dk_nrf52840.overlay": _NRF52840_DK,
        "samples/listen/boards/xiao_ble_nrf52840_sense.overlay": _XIAO_SENSE,
        "samples/listen/src/main.c": _main(made),
        "README.md": readme,
    }


def _plain(text: str) -> str:
    return "".join(character if character.isalnum() else " " for character in text).strip()


def _main(made: Bundle) -> str:
    p, upper = made.prefix, made.prefix.upper()
    return f"""/* The board's DMIC -> {p} -> a line an event. */
#include <zephyr/audio/dmic.h>
#include <zephyr/device.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "{made.header}"

#define BLOCK_MS 20
#define BLOCK_BYTES (2 * {upper}_RATE * BLOCK_MS / 1000)
#define BLOCKS 18 /* 16 in the driver's queue, one here, one being filled */

K_MEM_SLAB_DEFINE_STATIC(slab, BLOCK_BYTES, BLOCKS, 4);

static void hear(const int16_t *pcm, size_t n) {{
    {p}_event_t event;
    while (n > 0) {{
        const size_t taken = {p}_feed(pcm, n, &event);
        pcm += taken;
        n -= taken;
        if (event.label != {upper}_NONE) {{
            printk("%s %u\\n", event.name, event.score);
        }}
    }}
}}

int main(void) {{
    const struct device *const dmic = DEVICE_DT_GET(DT_NODELABEL(dmic_dev));
    struct pcm_stream_cfg stream = {{
        .pcm_rate = {upper}_RATE,
        .pcm_width = 16,
        .block_size = BLOCK_BYTES,
        .mem_slab = &slab,
    }};
    struct dmic_cfg config = {{
        .io = {{
            .min_pdm_clk_freq = 1000000,
            .max_pdm_clk_freq = 3500000,
            .min_pdm_clk_dc = 40,
            .max_pdm_clk_dc = 60,
        }},
        .streams = &stream,
        .channel = {{
            .req_num_streams = 1,
            .req_num_chan = 1,
            .req_chan_map_lo = dmic_build_channel_map(0, 0, PDM_CHAN_LEFT),
        }},
    }};
    if ({p}_init() != 0 || !device_is_ready(dmic) || dmic_configure(dmic, &config) < 0 ||
        dmic_trigger(dmic, DMIC_TRIGGER_START) < 0) {{
        printk("no microphone\\n");
        return -1;
    }}
    for (;;) {{
        void *block;
        size_t size;
        if (dmic_read(dmic, 0, &block, &size, 1000) == 0) {{
            hear(block, size / 2);
            k_mem_slab_free(&slab, block);
        }} else {{ /* the driver stops when no block is free: start again */
            printk("sound was lost\\n");
            dmic_trigger(dmic, DMIC_TRIGGER_STOP);
            dmic_trigger(dmic, DMIC_TRIGGER_START);
        }}
    }}
}}
"""
