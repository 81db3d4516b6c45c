/* I2S microphone (INMP441, ICS-43434, SPH0645). A PIO program makes bit clock and word select, 64
 * clocks a frame, and shifts both slots in. Each becomes a word with the last bit of the slot
 * before on top, because a sample begins one clock after word select has changed. */
#include "../board.h"

#include "i2s_slots.h"

enum {
    SLOT = 32, /* bits */
    BIT_RATE = MICROPHONE_RATE * 2 * SLOT,
    CYCLES_PER_BIT = 2, /* PIO instructions per bit */
    PROGRAM = 8,
    LATE = 1, /* bits in a word before the sample */
    LEFT = 0, /* word of a frame; word select is low */
    RIGHT = 1,
#ifdef BOARD_MICROPHONE_RIGHT
    CHANNEL = RIGHT,
#else
    CHANNEL = LEFT,
#endif
#ifdef BOARD_MICROPHONE_READ_FALLING
    /* SPH0645: a bit changes after the clock has risen, half a period early. It is read in its
     * middle, as the clock falls. */
    READ_AT = 0,
#else
    READ_AT = 1, /* a bit changes after the clock has fallen and is read as the clock rises */
#endif
    /* INMP441 and ICS-43434 are silent for 2^18 clocks after power-up. */
    SETTLING = (1 << 18) / (2 * SLOT) / MICROPHONE_BLOCK,
};
#define MICROPHONE_GAIN_IN_DRIVER
#include "capture_pio.h"

_Static_assert(2 * SLOT / 8 == (int)BYTES_A_SAMPLE, "size of a block");
_Static_assert(BOARD_PIN_I2S_WORD == BOARD_PIN_I2S_CLOCK + 1,
               "PIO needs word select on the pin after the clock's");

static i2s_slots_t stream;
static uint32_t factor;

static void gain_in_driver(void) {
    gain.in_driver = gain.db;
    factor = pcm_gain_factor(gain.db);
}

/* `instruction` with the levels of word select and clock. */
static uint16_t with(uint instruction, uint word, uint clock) {
    return (uint16_t)(instruction | pio_encode_sideset(2, word << 1 | clock));
}

/* A slot: 32 times clock low, clock high; its four instructions begin at `at`. Word select changes
 * as the clock falls. */
static void slot(uint16_t code[4], uint at, uint word) {
    const uint read = pio_encode_in(pio_pins, 1);
    if (READ_AT == 1) {
        code[0] = with(pio_encode_set(pio_x, SLOT - 2), word, 0);
        code[1] = with(read, word, 1);
        code[2] = with(pio_encode_jmp_x_dec(at + 1), word, 0);
        code[3] = with(read, word, 1);
    } else {
        code[0] = with(read, word, 0);
        code[1] = with(pio_encode_set(pio_x, SLOT - 2), word, 1);
        code[2] = with(read, word, 0);
        code[3] = with(pio_encode_jmp_x_dec(at + 2), word, 1);
    }
}

static void claim_pio(void) {
    uint16_t code[PROGRAM];
    slot(code, 0, 0);
    slot(code + 4, 4, 1);
    pio_claim(code, PROGRAM);
}

static void prepare(void) {
    i2s_slots_init(&stream);
    gain_in_driver();
    pio_prepare(BOARD_PIN_I2S_CLOCK, 2, BOARD_PIN_I2S_DATA, PROGRAM);
    gpio_pull_down(BOARD_PIN_I2S_DATA); /* nobody drives it in the other slot */
}

static void convert(const uint32_t *block, int16_t *pcm) {
    i2s_slots_to_pcm(&stream, block + CHANNEL, 2, LATE, factor, pcm, MICROPHONE_BLOCK);
}

static const capture_t capture = {
    .size = DMA_SIZE_32,
    .transfers = BLOCK_WORDS,
    .settling = SETTLING,
    .claim = claim_pio,
    .prepare = prepare,
    .run = pio_run,
    .fifo = pio_fifo,
    .request = pio_request,
    .convert = convert,
};
