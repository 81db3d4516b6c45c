/* I2S microphone (6.12). These microphones need 64 clocks a frame, and the peripheral makes at most
 * 48. So it makes frames of 32 clocks, one for each slot of the microphone: GPIOTE and PPI toggle
 * the microphone's word select whenever the peripheral's own one falls, a moment after the clock
 * has. A word in memory holds the two halves of a slot. The other slot's words are zeros.
 *
 * The peripheral reads a bit as the clock rises. An SPH0645 changes it then. Whether the bit is
 * still there or the next one already is, depends on both chips' delays. Its 18 bits tell: see
 * find_bits().
 *
 * 32 MHz / 31 / 64 = 16,129 Hz: no divider of the peripheral comes closer to 16 kHz than 0.8 %.
 *
 * RXD.PTR is double-buffered: when a block has begun, the interrupt sets where the next one goes.
 * If the interrupt comes too late, the DMA fills the same place again; a hardware counter tells how
 * often. */
#include "../board.h"

#include "../block_ring.h"
#include "../cortex_m/core.h"
#include "i2s_slots.h"
#define MICROPHONE_GAIN_IN_DRIVER
#include "../microphone_gain.h"
#include "internal.h"
#include "nrf.h"
#include "pins.h"

enum {
    SLOTS = 2,
    BLOCK_WORDS = MICROPHONE_BLOCK * SLOTS,
    IN_WORK = 2, /* the DMA writes one and knows the next */
    /* INMP441 and ICS-43434 are silent for 2^18 clocks after power-up. */
    SETTLING = (1 << 18) / 64 / MICROPHONE_BLOCK + 1,
    PATIENCE = 10000, /* looks; stopping takes a frame's time */
    FALLS = 0,        /* GPIOTE channels */
    TOGGLES = 1,
    PPI_CHANNEL = 8, /* behind those of counter.c */
    UNKNOWN = SLOTS,
#ifdef BOARD_MICROPHONE_READ_FALLING
    CHANGES_EARLY = 1,
#else
    CHANGES_EARLY = 0,
#endif
    LOWEST = 32 - 18, /* place of an SPH0645's lowest bit in a slot, where zeros follow */
};

static uint32_t ring[BLOCKS][BLOCK_WORDS];

static bool running;
static block_ring_t blocks; /* counts places; the DMA may have filled one several times */
/* Blocks overwritten before the one in this place because the interrupt came too late. */
static volatile uint32_t missed[BLOCKS];
static uint32_t ended; /* blocks the DMA had ended at the last interrupt */

static i2s_slots_t stream;
static uint32_t factor;
static uint32_t slot; /* which of the two the microphone uses, found by what is not zero */
static uint32_t lost; /* bits that an SPH0645 had passed when the first one was read, 0 or 1 */

static void gain_in_driver(void) {
    gain.in_driver = gain.db;
    factor = pcm_gain_factor(gain.db);
}

static void give_next(void) {
    NRF_I2S->RXD.PTR = (uint32_t)ring[(blocks.filled + 1) % BLOCKS];
}

/* A block has begun: the first one, or one after a whole block. */
void isr_microphone(void) {
    NRF_I2S->EVENTS_RXPTRUPD = 0;
    (void)NRF_I2S->EVENTS_RXPTRUPD; /* the write has arrived before the interrupt ends */
    const uint32_t begun = counter_read(COUNTER_BLOCKS);
    const uint32_t now = begun > 0 ? begun - 1 : 0;
    if (now != ended) {
        blocks.filled++;
        missed[blocks.filled % BLOCKS] = now - ended - 1;
        ended = now;
    }
    give_next();
}

static void divide_word_select(void) {
    NRF_GPIOTE->CONFIG[FALLS] = GPIOTE_CONFIG_MODE_Event << GPIOTE_CONFIG_MODE_Pos |
                                BOARD_PIN_I2S_FRAME << GPIOTE_CONFIG_PSEL_Pos |
                                GPIOTE_CONFIG_POLARITY_HiToLo << GPIOTE_CONFIG_POLARITY_Pos;
    NRF_GPIOTE->CONFIG[TOGGLES] = GPIOTE_CONFIG_MODE_Task << GPIOTE_CONFIG_MODE_Pos |
                                  BOARD_PIN_I2S_WORD << GPIOTE_CONFIG_PSEL_Pos |
                                  GPIOTE_CONFIG_POLARITY_Toggle << GPIOTE_CONFIG_POLARITY_Pos |
                                  GPIOTE_CONFIG_OUTINIT_High << GPIOTE_CONFIG_OUTINIT_Pos;
    NRF_PPI->CH[PPI_CHANNEL].EEP = (uint32_t)&NRF_GPIOTE->EVENTS_IN[FALLS];
    NRF_PPI->CH[PPI_CHANNEL].TEP = (uint32_t)&NRF_GPIOTE->TASKS_OUT[TOGGLES];
    NRF_PPI->CHENSET = 1u << PPI_CHANNEL;
}

static void set_up(void) {
    pin_output(BOARD_PIN_I2S_CLOCK, false);
    pin_output(BOARD_PIN_I2S_WORD, true);
    pin_output_read(BOARD_PIN_I2S_FRAME);
    pin_input(BOARD_PIN_I2S_DATA, false);
    NRF_I2S->PSEL.SCK = BOARD_PIN_I2S_CLOCK;
    NRF_I2S->PSEL.LRCK = BOARD_PIN_I2S_FRAME;
    NRF_I2S->PSEL.SDIN = BOARD_PIN_I2S_DATA;
    NRF_I2S->CONFIG.MODE = 0; /* master */
    NRF_I2S->CONFIG.RXEN = 1;
    NRF_I2S->CONFIG.TXEN = 0;
    NRF_I2S->CONFIG.MCKEN = 1;
    NRF_I2S->CONFIG.MCKFREQ = I2S_CONFIG_MCKFREQ_MCKFREQ_32MDIV31;
    NRF_I2S->CONFIG.RATIO = I2S_CONFIG_RATIO_RATIO_32X;
    NRF_I2S->CONFIG.SWIDTH = I2S_CONFIG_SWIDTH_SWIDTH_16Bit;
    NRF_I2S->CONFIG.ALIGN = 0;  /* left */
    NRF_I2S->CONFIG.FORMAT = 0; /* I2S: one clock late */
    NRF_I2S->CONFIG.CHANNELS = I2S_CONFIG_CHANNELS_CHANNELS_Stereo;
    NRF_I2S->RXTXD.MAXCNT = BLOCK_WORDS;
    NRF_I2S->INTEN = I2S_INTEN_RXPTRUPD_Msk;
    NRF_I2S->ENABLE = 1;
}

void microphone_start(void) {
    microphone_stop();
    block_ring_start(&blocks, SETTLING);
    ended = missed[0] = 0;
    i2s_slots_init(&stream);
    slot = UNKNOWN;
    lost = 0;
    gain_in_driver();
#ifdef BOARD_PIN_MICROPHONE_POWER
    pin_output(BOARD_PIN_MICROPHONE_POWER, true);
#endif
    set_up();
    divide_word_select();
    counter_start(COUNTER_BLOCKS, &NRF_I2S->EVENTS_RXPTRUPD);
    NRF_I2S->RXD.PTR = (uint32_t)ring[0];
    NRF_I2S->EVENTS_RXPTRUPD = 0;
    interrupt_enable(I2S_IRQn);
    running = true;
    NRF_I2S->TASKS_START = 1;
}

void microphone_stop(void) {
    if (!running) {
        return;
    }
    running = false;
    NVIC_DisableIRQ(I2S_IRQn);
    NRF_I2S->EVENTS_STOPPED = 0;
    NRF_I2S->TASKS_STOP = 1;
    for (uint32_t i = 0; i < PATIENCE && !NRF_I2S->EVENTS_STOPPED; i++) {
    }
    NRF_I2S->ENABLE = 0;
    NVIC_ClearPendingIRQ(I2S_IRQn);
    NRF_PPI->CHENCLR = 1u << PPI_CHANNEL;
    NRF_GPIOTE->CONFIG[FALLS] = NRF_GPIOTE->CONFIG[TOGGLES] = 0;
#ifdef BOARD_PIN_MICROPHONE_POWER
    pin_output(BOARD_PIN_MICROPHONE_POWER, false);
#endif
    block_ring_stop(&blocks);
}

/* The slot with the first word that is not zero. */
static void find_slot(const uint32_t words[BLOCK_WORDS]) {
    for (uint32_t i = 0; i < BLOCK_WORDS && slot == UNKNOWN; i++) {
        slot = words[i] != 0 ? i % SLOTS : UNKNOWN;
    }
}

/* How many of an SPH0645's bits were gone when the peripheral read the first one. Its lowest bit is
 * noise, so it is set in some sample of a block: in its place, or in the next one. */
static void find_bits(const uint32_t words[BLOCK_WORDS]) {
    uint32_t set = 0;
    for (uint32_t i = slot % SLOTS; i < BLOCK_WORDS; i += SLOTS) {
        set |= words[i];
    }
    lost = set >> LOWEST & 1 ? 0 : 1;
}

/* Put back the bit that is missing. It is the sign, which the next bit has too while the sound is
 * below half of full scale. */
static void put_back(uint32_t words[BLOCK_WORDS]) {
    for (uint32_t i = 0; i < BLOCK_WORDS; i++) {
        words[i] = (words[i] & 1u << 31) | words[i] >> 1;
    }
}

static void copy(uint32_t block, int16_t *pcm) {
    uint32_t words[BLOCK_WORDS];
    for (uint32_t i = 0; i < BLOCK_WORDS; i++) { /* the first half of a slot is the left sample */
        const uint32_t word = ring[block % BLOCKS][i];
        words[i] = word << 16 | word >> 16;
    }
    if (slot == UNKNOWN) {
        find_slot(words);
        if (CHANGES_EARLY && slot != UNKNOWN) {
            find_bits(words);
        }
    }
    if (CHANGES_EARLY && lost) {
        put_back(words);
    }
    i2s_slots_to_pcm(&stream, words + slot % SLOTS, SLOTS, 0, factor, pcm, MICROPHONE_BLOCK);
}

static const block_source_t source = {.in_work = IN_WORK, .missed = missed, .copy = copy};

#include "../microphone_blocks.h"

uint32_t microphone_overruns(void) {
    return blocks.overruns;
}
