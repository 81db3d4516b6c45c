/* Watchdog. When the main loop hangs, its NMI reports it and resets; if even that fails, the
 * watchdog resets the chip itself. */
#include "../board.h"

#include "../cortex_m/chip.h"
#include "registers.h"

void watchdog_start(uint32_t timeout_ms) {
    WATCHDOG->lock = WATCHDOG_KEY;
    WATCHDOG->load = timeout_ms * (BOARD_CLOCK_HZ / 1000);
    WATCHDOG->control = WATCHDOG_NMI | WATCHDOG_RESET;
}

void watchdog_feed(void) {
    WATCHDOG->clear = 1;
}

void isr_nmi(void) {
    fault_report("watchdog: the main loop got stuck");
}
