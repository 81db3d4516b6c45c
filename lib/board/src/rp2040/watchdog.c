/* Watchdog: resets the board when the main loop hangs. */
#include "../board.h"

#include "hardware/watchdog.h"

#include "internal.h"

void watchdog_start(uint32_t timeout_ms) {
    fault_watched();
    watchdog_enable(timeout_ms, true);
}

void watchdog_feed(void) {
    watchdog_update();
}
