// A microphone that hears standard input. It stops once, as a driver does whose queue is full.
#include <stdio.h>
#include <stdlib.h>

#include <zephyr/audio/dmic.h>

const struct device device_dmic_dev = {"dmic_dev"};
static struct pcm_stream_cfg stream;
static int reads;
static bool running, stopped_once;

bool device_is_ready(const struct device *device) {
    return device == &device_dmic_dev;
}

int dmic_configure(const struct device *dev, struct dmic_cfg *cfg) {
    const bool mono = cfg->channel.req_num_streams == 1 && cfg->channel.req_num_chan == 1 &&
                      cfg->channel.req_chan_map_lo == 0 && cfg->channel.req_chan_map_hi == 0;
    stream = cfg->streams[0];
    const bool fits = stream.block_size <= stream.mem_slab->block_size;
    return device_is_ready(dev) && mono && fits && stream.pcm_rate == 16000 &&
                   stream.pcm_width == 16 && cfg->io.min_pdm_clk_freq <= 1024000 &&
                   cfg->io.max_pdm_clk_freq >= 1032000
               ? 0
               : -22;
}

int dmic_trigger(const struct device *dev, enum dmic_trigger command) {
    running = command == DMIC_TRIGGER_START;
    return device_is_ready(dev) ? 0 : -22;
}

int dmic_read(const struct device *dev, uint8_t number, void **buffer, size_t *size,
              int32_t timeout) {
    struct k_mem_slab *slab = stream.mem_slab;
    if (!device_is_ready(dev) || number != 0 || timeout < 20 || slab->used == slab->blocks) {
        exit(2); // a block was not given back
    }
    if (++reads == 40 && !stopped_once) {
        stopped_once = true;
        running = false;
    }
    if (!running) {
        return -11;
    }
    void *block = slab->buffer + slab->block_size * slab->used++;
    *size = fread(block, 1, stream.block_size, stdin);
    if (*size == 0) {
        exit(0);
    }
    *buffer = block;
    return 0;
}

void k_mem_slab_free(struct k_mem_slab *slab, void *block) {
    if ((char *)block < slab->buffer ||
        (char *)block >= slab->buffer + slab->block_size * slab->blocks || slab->used == 0) {
        exit(3);
    }
    slab->used--;
}
