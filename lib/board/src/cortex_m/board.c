/* Name, sleep and reset: the same on every chip. */
#include "../board.h"

#include "chip.h"
#include "core.h"

const char *board_name(void) {
    return BOARD_NAME;
}

uint32_t board_sleep(void) {
    const uint64_t start = board_time_us();
    /* With interrupts off, an interrupt that comes after the check still ends WFI, so no wake-up
     * is lost. It is served when they are on again. */
    const uint32_t interrupts = interrupts_off();
    if (!chip_pending()) {
        __asm volatile("dsb\n wfi" ::: "memory");
    }
    const uint32_t slept = (uint32_t)(board_time_us() - start);
    interrupts_restore(interrupts);
    return slept;
}

_Noreturn void board_reset(void) {
    reset_chip();
}
