/* PDM microphone. A PIO program of two instructions clocks it and shifts its bits in. */
#include "hardware/pio.h"
#include "pdm.h"

#include "capture.h"

enum {
    BIT_RATE = MICROPHONE_RATE * PDM_DECIMATION, /* 1.024 MHz */
    CYCLES_PER_BIT = 2,                          /* PIO instructions per bit */
#ifdef BOARD_MICROPHONE_RIGHT
    READ_AT = 0, /* SELECT high: the data is valid while the clock is high, read as it falls */
#else
    READ_AT = 1, /* SELECT low: the data is valid while the clock is low, read as it rises */
#endif
};
_Static_assert((int)PDM_BYTES_PER_SAMPLE == (int)BYTES_A_SAMPLE, "size of a block");

/* The divider has 8 fractional bits; at 125 MHz it is exactly 61 + 9/256. */
#define DIVIDER_256 ((uint32_t)((SYS_CLK_HZ * 256ull) / (BIT_RATE * CYCLES_PER_BIT)))
_Static_assert((uint64_t)DIVIDER_256 *BIT_RATE *CYCLES_PER_BIT == SYS_CLK_HZ * 256ull,
               "the system clock does not divide to the bit clock: the sample rate would be off");

static PIO const pio = pio0;
static uint program_offset, machine;
static pdm_t pdm;

static void load_program(void) {
    const uint16_t code[CYCLES_PER_BIT] = {
        (uint16_t)(pio_encode_nop() | pio_encode_sideset(1, !READ_AT)),
        (uint16_t)(pio_encode_in(pio_pins, 1) | pio_encode_sideset(1, READ_AT)),
    };
    const pio_program_t program = {.instructions = code, .length = CYCLES_PER_BIT, .origin = -1};
    program_offset = (uint)pio_add_program(pio, &program);
}

static void claim_pio(void) {
    machine = (uint)pio_claim_unused_sm(pio, true);
    load_program();
}

static void prepare(void) {
    pdm_init(&pdm);
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
    pdm_decimate_words(&pdm, block, pcm, MICROPHONE_BLOCK);
}

static const capture_t capture = {
    .size = DMA_SIZE_32,
    .transfers = BLOCK_WORDS,
    .claim = claim_pio,
    .prepare = prepare,
    .run = run,
    .fifo = fifo,
    .request = request,
    .convert = convert,
};
