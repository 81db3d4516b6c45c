/* Shared by the files of this folder. */
#ifndef OTOLITH_EFR32_INTERNAL_H
#define OTOLITH_EFR32_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

/* Where the clocks come from; clocks.c makes them. Of the crystal's 39 MHz the digital PLL makes
 * 73.728 MHz: the highest frequency within its reach and the core's 78 MHz that 16 kHz * 64 bits,
 * and 921,600 baud, divide without a rest. */
enum {
    CRYSTAL_HZ = 39000000,
    PLL_TIMES = 3072,
    PLL_OVER = 1625,
    PERIPHERAL_HZ = BOARD_CLOCK_HZ / 2, /* at most 50 MHz */
};

void clocks_init(void);
const char *reset_cause(void); /* the fault that shows there, or NULL */
void led_init(void);
bool microphone_pending(void); /* a block to read? */
void isr_microphone(void);

#endif
