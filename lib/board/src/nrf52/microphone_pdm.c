/* PDM microphone (6.15). The peripheral clocks it with 32 MHz / 25 = 1.28 MHz and decimates by
 * 80 to exactly 16 kHz; its DMA fills one block after another. SAMPLE.PTR is double-buffered:
 * when a block has begun, the interrupt sets where the next one goes. If the interrupt comes too
 * late, the DMA fills the same place again; a hardware counter tells how often. */
#include "../board.h"

#include <string.h>

#include "../block_ring.h"
#include "../cortex_m/core.h"
#define MICROPHONE_GAIN_IN_DRIVER
#include "../microphone_gain.h"
#include "internal.h"
#include "nrf.h"
#include "pins.h"

enum {
    IN_WORK = 2,      /* the DMA writes one and knows the next */
    PATIENCE = 10000, /* looks; stopping takes a sample's time */
};
_Static_assert(32000000 / 25 / 80 == MICROPHONE_RATE, "rate");

static int16_t ring[BLOCKS][MICROPHONE_BLOCK];

static bool running;
static block_ring_t blocks; /* counts places; the DMA may have filled one several times */
/* Blocks overwritten before the one in this place because the interrupt came too late. */
static volatile uint32_t missed[BLOCKS];
static uint32_t ended; /* blocks the DMA had ended at the last interrupt */

static void give_next(void) {
    NRF_PDM->SAMPLE.PTR = (uint32_t)ring[(blocks.filled + 1) % BLOCKS];
}

/* A block has begun. */
void isr_microphone(void) {
    NRF_PDM->EVENTS_STARTED = 0;
    (void)NRF_PDM->EVENTS_STARTED; /* the write has arrived before the interrupt ends */
    const uint32_t now = counter_read(COUNTER_BLOCKS);
    if (now != ended) {
        blocks.filled++;
        missed[blocks.filled % BLOCKS] = now - ended - 1;
        ended = now;
    }
    give_next();
}

/* The chip amplifies by -20 to 20 dB, in steps of 0.5 dB (GAINL). */
static void gain_in_driver(void) {
    enum { LOWEST = -20, HIGHEST = 20, STEPS_A_DB = 2 };
    const int32_t db = gain.db < LOWEST ? LOWEST : gain.db > HIGHEST ? HIGHEST : gain.db;
    gain.in_driver = db;
    NRF_PDM->GAINL = NRF_PDM->GAINR =
        (uint32_t)((int32_t)PDM_GAINL_GAINL_DefaultGain + STEPS_A_DB * db);
}

static void set_up(void) {
    pin_output(BOARD_PIN_PDM_CLOCK, false);
    pin_input(BOARD_PIN_PDM_DATA, false);
    NRF_PDM->PSEL.CLK = BOARD_PIN_PDM_CLOCK;
    NRF_PDM->PSEL.DIN = BOARD_PIN_PDM_DATA;
    NRF_PDM->PDMCLKCTRL = PDM_PDMCLKCTRL_FREQ_1280K;
    NRF_PDM->RATIO = PDM_RATIO_RATIO_Ratio80;
    /* SELECT low: the microphone's data is valid while the clock is low. */
    NRF_PDM->MODE = PDM_MODE_OPERATION_Mono | PDM_MODE_EDGE_LeftFalling << PDM_MODE_EDGE_Pos;
    gain_in_driver();
    NRF_PDM->SAMPLE.MAXCNT = MICROPHONE_BLOCK;
    NRF_PDM->INTEN = PDM_INTEN_STARTED_Msk;
    NRF_PDM->ENABLE = 1;
}

void microphone_start(void) {
    microphone_stop();
    block_ring_start(&blocks, 0);
    ended = missed[0] = 0;
#ifdef BOARD_PIN_MICROPHONE_POWER
    pin_output(BOARD_PIN_MICROPHONE_POWER, true);
#endif
    set_up();
    counter_start(COUNTER_BLOCKS, &NRF_PDM->EVENTS_END);
    NRF_PDM->SAMPLE.PTR = (uint32_t)ring[0];
    NRF_PDM->EVENTS_STARTED = 0;
    interrupt_enable(PDM_IRQn);
    running = true;
    NRF_PDM->TASKS_START = 1;
}

void microphone_stop(void) {
    if (!running) {
        return;
    }
    running = false;
    NVIC_DisableIRQ(PDM_IRQn);
    NRF_PDM->EVENTS_STOPPED = 0;
    NRF_PDM->TASKS_STOP = 1;
    for (uint32_t i = 0; i < PATIENCE && !NRF_PDM->EVENTS_STOPPED; i++) {
    }
    NRF_PDM->ENABLE = 0;
    NVIC_ClearPendingIRQ(PDM_IRQn);
#ifdef BOARD_PIN_MICROPHONE_POWER
    pin_output(BOARD_PIN_MICROPHONE_POWER, false);
#endif
    block_ring_stop(&blocks);
}

static void copy(uint32_t block, int16_t *pcm) {
    memcpy(pcm, ring[block % BLOCKS], sizeof ring[0]);
}

static const block_source_t source = {.in_work = IN_WORK, .missed = missed, .copy = copy};

#include "../microphone_blocks.h"

uint32_t microphone_overruns(void) {
    return blocks.overruns;
}
