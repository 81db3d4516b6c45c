/* Watchdog (6.36). It runs on the 32.768 kHz clock, in sleep too, and only a reset stops it. */
#include "../board.h"

#include "nrf.h"

enum { CLOCK_HZ = 32768 };

void watchdog_start(uint32_t timeout_ms) {
    NRF_WDT->CRV = timeout_ms * CLOCK_HZ / 1000 - 1;
    NRF_WDT->RREN = 1; /* one who feeds */
    NRF_WDT->CONFIG = WDT_CONFIG_SLEEP_Run << WDT_CONFIG_SLEEP_Pos;
    NRF_WDT->TASKS_START = 1;
}

void watchdog_feed(void) {
    NRF_WDT->RR[0] = WDT_RR_RR_Reload;
}
