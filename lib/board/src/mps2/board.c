/* Start-up, identity, sleep and reset of an MPS2 board. */
#include "../board.h"

#include "internal.h"
#include "registers.h"

void board_init(void) {
    fault_init();
    clock_init();
    console_init();
    led_set(0);
}

const char *board_name(void) {
    return BOARD_NAME;
}

/* The FPGA image has none: all these boards are one. */
const char *board_serial(void) {
    return "0000000000000000";
}

uint32_t board_sleep(void) {
    const uint64_t start = board_time_us();
    /* With interrupts off, one that comes after the question still ends WFI: no wake-up is lost.
     * It is served once they are on again. */
    const uint32_t interrupts = interrupts_off();
    if (!console_pending()) {
        __asm volatile("dsb\n wfi" ::: "memory");
    }
    const uint32_t slept = (uint32_t)(board_time_us() - start);
    interrupts_restore(interrupts);
    return slept;
}

_Noreturn void reset_chip(void) {
    SCB_AIRCR = SCB_AIRCR_RESET;
    for (;;) {
    }
}

_Noreturn void board_reset(void) {
    reset_chip();
}

/* There is no boot loader to start: QEMU or the board's own controller loads the image. */
_Noreturn void board_bootloader(void) {
    reset_chip();
}
