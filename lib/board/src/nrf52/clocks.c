/* Crystals: 32 MHz for PDM, USB and time (5.4.1), 32.768 kHz for the watchdog. */
#include "internal.h"
#include "nrf.h"

enum { PATIENCE = 200000 }; /* looks; it takes 0.4 ms. A board without a crystal still starts */

void crystals_start(void) {
    NRF_CLOCK->EVENTS_HFCLKSTARTED = 0;
    NRF_CLOCK->TASKS_HFCLKSTART = 1;
    for (uint32_t i = 0; i < PATIENCE && !NRF_CLOCK->EVENTS_HFCLKSTARTED; i++) {
    }
    if (!(NRF_CLOCK->LFCLKSTAT & CLOCK_LFCLKSTAT_STATE_Msk)) { /* a boot loader may have */
        NRF_CLOCK->LFCLKSRC = CLOCK_LFCLKSRC_SRC_Xtal;
        NRF_CLOCK->TASKS_LFCLKSTART = 1; /* runs on the RC oscillator until the crystal is there */
    }
}
