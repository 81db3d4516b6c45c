/* From a peripheral's FIFO to blocks of PCM, by DMA. Two channels take turns filling blocks, and
 * the main loop converts them. The samples are right even if the interrupt comes late: the handler
 * only counts, from where the DMA really is.
 *
 * One microphone driver includes this per image. What differs between kinds stands in its constant
 * `capture`, so the compiler resolves it and nothing is called through a pointer. */
#ifndef OTOLITH_RP2040_CAPTURE_H
#define OTOLITH_RP2040_CAPTURE_H

#include "../board.h"

#include "hardware/clocks.h"
#include "hardware/dma.h"
#include "hardware/gpio.h"
#include "hardware/irq.h"

#include "../block_ring.h"
#include "../microphone_gain.h"
#include "internal.h"

enum {
    BYTES_A_SAMPLE = 8, /* of PCM: 64 PDM bits, two I2S slots of 32 bits, or 4 ADC counts */
    BLOCK_WORDS = MICROPHONE_BLOCK * BYTES_A_SAMPLE / 4,
    CHANNELS = 2,                         /* even blocks go to one, odd blocks to the other */
    BLOCKS_A_CHANNEL = BLOCKS / CHANNELS, /* power of two: the DMA wraps its write address */
    RING_BITS = 15,                       /* log2 of a channel's bytes */
};
_Static_assert(BLOCKS_A_CHANNEL *BLOCK_WORDS * 4 == 1 << RING_BITS, "ring size");

typedef struct {
    enum dma_channel_transfer_size size; /* of one transfer from the FIFO */
    uint32_t transfers;                  /* in a block */
    uint32_t settling;                   /* blocks to drop after the start */
    void (*claim)(void);                 /* once, at the first start */
    void (*prepare)(void);               /* set up the peripheral, stopped */
    void (*run)(bool on);                /* start or stop it */
    const volatile void *(*fifo)(void);
    uint (*request)(void); /* its DREQ */
    void (*convert)(const uint32_t *block, int16_t *pcm);
} capture_t;

static const capture_t capture;

static uint32_t ring[CHANNELS][BLOCKS_A_CHANNEL][BLOCK_WORDS]
    __attribute__((aligned(1 << RING_BITS)));

static int channel[CHANNELS];
static bool claimed;

static block_ring_t blocks;

/* Blocks channel c has completed, modulo BLOCKS_A_CHANNEL. */
static uint32_t blocks_done(uint c) {
    const uintptr_t written = dma_channel_hw_addr((uint)channel[c])->write_addr;
    return (uint32_t)(written - (uintptr_t)ring[c]) / (BLOCK_WORDS * 4) % BLOCKS_A_CHANNEL;
}

static void block_complete(void) {
    for (uint c = 0; c < CHANNELS; c++) {
        if (dma_channel_get_irq0_status((uint)channel[c])) {
            dma_channel_acknowledge_irq0((uint)channel[c]);
        }
    }
    /* Channel 0 is as far as channel 1 or one block ahead, which gives the total modulo BLOCKS. */
    const uint32_t odd = blocks_done(1);
    const uint32_t even = blocks_done(0);
    block_ring_count(&blocks, 2 * odd + (even - odd) % BLOCKS_A_CHANNEL);
}

static void set_up_dma(void) {
    for (uint c = 0; c < CHANNELS; c++) {
        dma_channel_config config = dma_channel_get_default_config((uint)channel[c]);
        channel_config_set_transfer_data_size(&config, capture.size);
        channel_config_set_read_increment(&config, false);
        channel_config_set_write_increment(&config, true);
        channel_config_set_ring(&config, true, RING_BITS);
        channel_config_set_dreq(&config, capture.request());
        channel_config_set_chain_to(&config, (uint)channel[(c + 1) % CHANNELS]);
        dma_channel_configure((uint)channel[c], &config, ring[c], capture.fifo(), capture.transfers,
                              false);
        dma_channel_acknowledge_irq0((uint)channel[c]);
        dma_channel_set_irq0_enabled((uint)channel[c], true);
    }
}

static void claim(void) {
    if (!claimed) {
        claimed = true;
        for (uint c = 0; c < CHANNELS; c++) {
            channel[c] = dma_claim_unused_channel(true);
        }
        capture.claim();
        irq_set_exclusive_handler(DMA_IRQ_0, block_complete);
    }
}

void microphone_start(void) {
    claim();
    microphone_stop();
    block_ring_start(&blocks, capture.settling);
    capture.prepare();
    set_up_dma();
    irq_set_enabled(DMA_IRQ_0, true);
    dma_channel_start((uint)channel[0]);
    capture.run(true);
}

void microphone_stop(void) {
    if (!claimed) {
        return;
    }
    irq_set_enabled(DMA_IRQ_0, false);
    capture.run(false);
    /* An aborted channel must not start the other one. */
    for (uint c = 0; c < CHANNELS; c++) {
        hw_clear_bits(&dma_channel_hw_addr((uint)channel[c])->al1_ctrl, DMA_CH0_CTRL_TRIG_EN_BITS);
    }
    for (uint c = 0; c < CHANNELS; c++) {
        dma_channel_set_irq0_enabled((uint)channel[c], false);
        dma_channel_abort((uint)channel[c]);
        dma_channel_acknowledge_irq0((uint)channel[c]);
    }
    block_ring_stop(&blocks);
}

static void copy(uint32_t block, int16_t *pcm) {
    capture.convert(ring[block % CHANNELS][block / CHANNELS % BLOCKS_A_CHANNEL], pcm);
}

static const block_source_t source = {.in_work = 1, .copy = copy};

#include "../microphone_blocks.h"

uint32_t microphone_overruns(void) {
    return blocks.overruns;
}

#endif
