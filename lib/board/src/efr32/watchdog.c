/* Watchdog 0 resets the chip when the main loop hangs; the reset cause tells so afterwards.
 * Chapters WDOG, and EMU for the cause. */
#include "../board.h"

#include <stddef.h>

#include "../cortex_m/core.h"
#include "internal.h"
#include "registers.h"

enum { CLOCK_HZ = 32768, LONGEST = 15 };

const char *reset_cause(void) {
    const uint32_t cause = EMU->RSTCAUSE;
    EMU->CMD = EMU_CMD_RSTCAUSECLR;
    /* A power-on reset sets others too, by chance. */
    return cause & EMU_RSTCAUSE_POR      ? NULL
           : cause & EMU_RSTCAUSE_WDOG0  ? "watchdog: the main loop got stuck"
           : cause & EMU_RSTCAUSE_LOCKUP ? "lockup: a fault within a fault"
                                         : NULL;
}

void watchdog_start(uint32_t timeout_ms) {
    const uint32_t cycles = timeout_ms * CLOCK_HZ / 1000;
    uint32_t period = 0; /* 2^(3 + period) + 1 cycles; the next one not shorter */
    while (period < LONGEST && (8u << period) + 1 < cycles) {
        period++;
    }
    reg_set(&CMU->CLKEN0, CMU_CLKEN0_WDOG0);
    reg_wait(&WDOG0->SYNCBUSY, WDOG_SYNCBUSY_CMD, 0);
    reg_clear(&WDOG0->EN, WDOG_EN_EN);
    reg_wait(&WDOG0->EN, WDOG_EN_DISABLING, 0);
    WDOG0->CFG = WDOG_CFG_EM1RUN | period << _WDOG_CFG_PERSEL_SHIFT; /* while asleep too */
    reg_set(&WDOG0->EN, WDOG_EN_EN);
}

/* While a feed is still on its way to the slow clock, another one is a bus fault, and it is not
 * needed. */
void watchdog_feed(void) {
    const uint32_t interrupts = interrupts_off();
    if ((WDOG0->EN & WDOG_EN_EN) && !(WDOG0->SYNCBUSY & WDOG_SYNCBUSY_CMD)) {
        WDOG0->CMD = WDOG_CMD_CLEAR;
    }
    interrupts_restore(interrupts);
}
