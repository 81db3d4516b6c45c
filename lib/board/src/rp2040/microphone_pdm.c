/* PDM microphone. A PIO program of two instructions clocks it and shifts its bits in. */
#include "../board.h"

#include "pdm.h"

enum {
    BIT_RATE = MICROPHONE_RATE * PDM_DECIMATION, /* 1.024 MHz */
    CYCLES_PER_BIT = 2,                          /* PIO instructions per bit */
#ifdef BOARD_MICROPHONE_RIGHT
    READ_AT = 0, /* SELECT high: the data is valid while the clock is high, read as it falls */
#else
    READ_AT = 1, /* SELECT low: the data is valid while the clock is low, read as it rises */
#endif
};

#include "capture_pio.h"

_Static_assert((int)PDM_BYTES_PER_SAMPLE == (int)BYTES_A_SAMPLE, "size of a block");

static pdm_t pdm;

static void claim_pio(void) {
    const uint16_t code[CYCLES_PER_BIT] = {
        (uint16_t)(pio_encode_nop() | pio_encode_sideset(1, !READ_AT)),
        (uint16_t)(pio_encode_in(pio_pins, 1) | pio_encode_sideset(1, READ_AT)),
    };
    pio_claim(code, CYCLES_PER_BIT);
}

static void prepare(void) {
    pdm_init(&pdm);
    pio_prepare(BOARD_PIN_PDM_CLOCK, 1, BOARD_PIN_PDM_DATA, CYCLES_PER_BIT);
}

static void convert(const uint32_t *block, int16_t *pcm) {
    pdm_decimate_words(&pdm, block, pcm, MICROPHONE_BLOCK);
}

static const capture_t capture = {
    .size = DMA_SIZE_32,
    .transfers = BLOCK_WORDS,
    .claim = claim_pio,
    .prepare = prepare,
    .run = pio_run,
    .fifo = pio_fifo,
    .request = pio_request,
    .convert = convert,
};
