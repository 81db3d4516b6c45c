/* PDM microphone. A PIO program of two instructions clocks it and shifts its bits in, two DMA
 * channels take turns filling blocks, and the main loop decimates them. The bits are right even
 * if the interrupt comes late: the handler only counts, from where the DMA really is. */
#include "../board.h"

#include "hardware/clocks.h"
#include "hardware/dma.h"
#include "hardware/gpio.h"
#include "hardware/irq.h"
#include "hardware/pio.h"
#include "pdm.h"

#include "../block_ring.h"
#include "internal.h"

enum {
    BIT_RATE = MICROPHONE_RATE * PDM_DECIMATION, /* 1.024 MHz */
    CYCLES_PER_BIT = 2,                          /* PIO instructions per bit */
    BLOCK_WORDS = MICROPHONE_BLOCK * PDM_DECIMATION / 32,
    CHANNELS = 2,                         /* even blocks go to one, odd blocks to the other */
    BLOCKS_A_CHANNEL = BLOCKS / CHANNELS, /* power of two: the DMA wraps its write address */
    RING_BITS = 15,                       /* log2 of a channel's bytes */
};
_Static_assert(BLOCKS_A_CHANNEL *BLOCK_WORDS * 4 == 1 << RING_BITS, "ring size");

/* The divider has 8 fractional bits; at 125 MHz it is exactly 61 + 9/256. */
#define DIVIDER_256 ((uint32_t)((SYS_CLK_HZ * 256ull) / (BIT_RATE * CYCLES_PER_BIT)))
_Static_assert((uint64_t)DIVIDER_256 *BIT_RATE *CYCLES_PER_BIT == SYS_CLK_HZ * 256ull,
               "the system clock does not divide to the bit clock: the sample rate would be off");

static uint32_t ring[CHANNELS][BLOCKS_A_CHANNEL][BLOCK_WORDS]
    __attribute__((aligned(1 << RING_BITS)));

static PIO const pio = pio0;
static uint program_offset, machine;
static int channel[CHANNELS];
static bool claimed;

static pdm_t pdm;
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

/* Samples at the rising clock edge, when the data of a microphone with SELECT low is valid. */
static void load_program(void) {
    const uint16_t code[CYCLES_PER_BIT] = {
        (uint16_t)(pio_encode_nop() | pio_encode_sideset(1, 0)),
        (uint16_t)(pio_encode_in(pio_pins, 1) | pio_encode_sideset(1, 1)),
    };
    const pio_program_t program = {.instructions = code, .length = CYCLES_PER_BIT, .origin = -1};
    program_offset = (uint)pio_add_program(pio, &program);
}

static void set_up_machine(void) {
    pio_gpio_init(pio, BOARD_PIN_PDM_CLOCK);
    pio_gpio_init(pio, BOARD_PIN_PDM_DATA);
    pio_sm_set_consecutive_pindirs(pio, machine, BOARD_PIN_PDM_CLOCK, 1, true);
    pio_sm_set_consecutive_pindirs(pio, machine, BOARD_PIN_PDM_DATA, 1, false);

    pio_sm_config config = pio_get_default_sm_config();
    sm_config_set_wrap(&config, program_offset, program_offset + CYCLES_PER_BIT - 1);
    sm_config_set_sideset(&config, 1, false, false);
    sm_config_set_sideset_pins(&config, BOARD_PIN_PDM_CLOCK);
    sm_config_set_in_pins(&config, BOARD_PIN_PDM_DATA);
    sm_config_set_in_shift(&config, false, true, 32); /* oldest bit ends up on top */
    sm_config_set_fifo_join(&config, PIO_FIFO_JOIN_RX);
    sm_config_set_clkdiv_int_frac(&config, DIVIDER_256 >> 8, DIVIDER_256 & 0xff);
    pio_sm_init(pio, machine, program_offset, &config);
}

static void set_up_dma(void) {
    for (uint c = 0; c < CHANNELS; c++) {
        dma_channel_config config = dma_channel_get_default_config((uint)channel[c]);
        channel_config_set_transfer_data_size(&config, DMA_SIZE_32);
        channel_config_set_read_increment(&config, false);
        channel_config_set_write_increment(&config, true);
        channel_config_set_ring(&config, true, RING_BITS);
        channel_config_set_dreq(&config, pio_get_dreq(pio, machine, false));
        channel_config_set_chain_to(&config, (uint)channel[(c + 1) % CHANNELS]);
        dma_channel_configure((uint)channel[c], &config, ring[c], &pio->rxf[machine], BLOCK_WORDS,
                              false);
        dma_channel_acknowledge_irq0((uint)channel[c]);
        dma_channel_set_irq0_enabled((uint)channel[c], true);
    }
}

static void claim(void) {
    if (!claimed) {
        claimed = true;
        machine = (uint)pio_claim_unused_sm(pio, true);
        for (uint c = 0; c < CHANNELS; c++) {
            channel[c] = dma_claim_unused_channel(true);
        }
        load_program();
        irq_set_exclusive_handler(DMA_IRQ_0, block_complete);
    }
}

void microphone_start(void) {
    claim();
    microphone_stop();
    pdm_init(&pdm);
    block_ring_start(&blocks, 0);
    set_up_machine();
    set_up_dma();
    irq_set_enabled(DMA_IRQ_0, true);
    dma_channel_start((uint)channel[0]);
    pio_sm_set_enabled(pio, machine, true);
}

void microphone_stop(void) {
    if (!claimed) {
        return;
    }
    irq_set_enabled(DMA_IRQ_0, false);
    pio_sm_set_enabled(pio, machine, false);
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
    const uint32_t *bits = ring[block % CHANNELS][block / CHANNELS % BLOCKS_A_CHANNEL];
    pdm_decimate_words(&pdm, bits, pcm, MICROPHONE_BLOCK);
}

static const block_source_t source = {.in_work = 1, .copy = copy};

bool microphone_pending(void) {
    return block_ring_waiting(&blocks, &source) > 0;
}

bool microphone_read(int16_t pcm[MICROPHONE_BLOCK]) {
    return block_ring_read(&blocks, &source, pcm);
}

uint32_t microphone_skip(void) {
    return block_ring_skip(&blocks, &source);
}

uint32_t microphone_overruns(void) {
    return blocks.overruns;
}
