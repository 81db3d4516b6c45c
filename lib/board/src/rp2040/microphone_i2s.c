/* I2S microphone (INMP441, ICS-43434, SPH0645). A PIO program makes bit clock and word select, 64
 * clocks a frame, and shifts both slots in. Each becomes a word with the last bit of the slot
 * before on top, because a sample begins one clock after word select has changed. */
#include "hardware/pio.h"
#include "i2s_slots.h"

#define MICROPHONE_GAIN_IN_DRIVER
#include "capture.h"

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
_Static_assert(2 * SLOT / 8 == (int)BYTES_A_SAMPLE, "size of a block");
_Static_assert(BOARD_PIN_I2S_WORD == BOARD_PIN_I2S_CLOCK + 1,
               "PIO needs word select on the pin after the clock's");

#define DIVIDER_256 ((uint32_t)((SYS_CLK_HZ * 256ull) / (BIT_RATE * CYCLES_PER_BIT)))
_Static_assert((uint64_t)DIVIDER_256 *BIT_RATE *CYCLES_PER_BIT == SYS_CLK_HZ * 256ull,
               "the system clock does not divide to the bit clock: the sample rate would be off");

static PIO const pio = pio0;
static uint program_offset, machine;
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
    const pio_program_t program = {.instructions = code, .length = PROGRAM, .origin = -1};
    machine = (uint)pio_claim_unused_sm(pio, true);
    program_offset = (uint)pio_add_program(pio, &program);
}

static void prepare(void) {
    i2s_slots_init(&stream);
    gain_in_driver();
    pio_gpio_init(pio, BOARD_PIN_I2S_CLOCK);
    pio_gpio_init(pio, BOARD_PIN_I2S_WORD);
    pio_gpio_init(pio, BOARD_PIN_I2S_DATA);
    gpio_pull_down(BOARD_PIN_I2S_DATA); /* nobody drives it in the other slot */
    pio_sm_set_consecutive_pindirs(pio, machine, BOARD_PIN_I2S_CLOCK, 2, true);
    pio_sm_set_consecutive_pindirs(pio, machine, BOARD_PIN_I2S_DATA, 1, false);

    pio_sm_config config = pio_get_default_sm_config();
    sm_config_set_wrap(&config, program_offset, program_offset + PROGRAM - 1);
    sm_config_set_sideset(&config, 2, false, false);
    sm_config_set_sideset_pins(&config, BOARD_PIN_I2S_CLOCK);
    sm_config_set_in_pins(&config, BOARD_PIN_I2S_DATA);
    sm_config_set_in_shift(&config, false, true, SLOT); /* the first bit ends up on top */
    sm_config_set_fifo_join(&config, PIO_FIFO_JOIN_RX);
    sm_config_set_clkdiv_int_frac(&config, DIVIDER_256 >> 8, DIVIDER_256 & 0xff);
    pio_sm_init(pio, machine, program_offset, &config);
}

static void run(bool on) {
    pio_sm_set_enabled(pio, machine, on);
}

static const volatile void *fifo(void) {
    return &pio->rxf[machine];
}

static uint request(void) {
    return pio_get_dreq(pio, machine, false);
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
    .run = run,
    .fifo = fifo,
    .request = request,
    .convert = convert,
};
