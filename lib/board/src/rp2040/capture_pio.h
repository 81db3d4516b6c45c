/* A microphone behind one PIO machine, for capture.h: its program makes the clocks with side-set
 * pins and shifts bits in, the oldest on top of each word.
 *
 * A driver includes this after it has defined BIT_RATE and CYCLES_PER_BIT (PIO instructions per
 * bit). */
#ifndef OTOLITH_RP2040_CAPTURE_PIO_H
#define OTOLITH_RP2040_CAPTURE_PIO_H

#include "hardware/pio.h"

#include "capture.h"

/* The divider has 8 fractional bits. */
#define DIVIDER_256 ((uint32_t)((SYS_CLK_HZ * 256ull) / (BIT_RATE * CYCLES_PER_BIT)))
_Static_assert((uint64_t)DIVIDER_256 *BIT_RATE *CYCLES_PER_BIT == SYS_CLK_HZ * 256ull,
               "the system clock does not divide to the bit clock: the sample rate would be off");

static PIO const pio = pio0;
static uint program_offset, machine;

static void pio_claim(const uint16_t *code, uint8_t length) {
    const pio_program_t program = {.instructions = code, .length = length, .origin = -1};
    machine = (uint)pio_claim_unused_sm(pio, true);
    program_offset = (uint)pio_add_program(pio, &program);
}

/* Sets the machine up, stopped. clock: The first of `clocks` side-set pins. length: Of the
 * program. */
static void pio_prepare(uint clock, uint clocks, uint data, uint length) {
    for (uint n = 0; n < clocks; n++) {
        pio_gpio_init(pio, clock + n);
    }
    pio_gpio_init(pio, data);
    pio_sm_set_consecutive_pindirs(pio, machine, clock, clocks, true);
    pio_sm_set_consecutive_pindirs(pio, machine, data, 1, false);

    pio_sm_config config = pio_get_default_sm_config();
    sm_config_set_wrap(&config, program_offset, program_offset + length - 1);
    sm_config_set_sideset(&config, clocks, false, false);
    sm_config_set_sideset_pins(&config, clock);
    sm_config_set_in_pins(&config, data);
    sm_config_set_in_shift(&config, false, true, 32);
    sm_config_set_fifo_join(&config, PIO_FIFO_JOIN_RX);
    sm_config_set_clkdiv_int_frac(&config, DIVIDER_256 >> 8, DIVIDER_256 & 0xff);
    pio_sm_init(pio, machine, program_offset, &config);
}

static void pio_run(bool on) {
    pio_sm_set_enabled(pio, machine, on);
}

static const volatile void *pio_fifo(void) {
    return &pio->rxf[machine];
}

static uint pio_request(void) {
    return pio_get_dreq(pio, machine, false);
}

#endif
