/* Start-up, identity, sleep and reset of an RP2040 board. */
#include "../board.h"

#include "hardware/sync.h"
#include "hardware/timer.h"
#include "hardware/watchdog.h"
#include "pico/bootrom.h"
#include "pico/unique_id.h"

#include "../usb/console.h"
#include "internal.h"

static char serial[2 * PICO_UNIQUE_BOARD_ID_SIZE_BYTES + 1];

void board_init(void) {
    fault_init();
    stack_paint();
    clock_init();
    pico_get_unique_board_id_string(serial, sizeof serial); /* the flash chip's 64-bit id */
    led_init();
    console_init();
}

const char *board_name(void) {
    return BOARD_NAME;
}

const char *board_serial(void) {
    return serial;
}

uint32_t board_sleep(void) {
    const uint32_t start = timer_hw->timerawl;
    /* With interrupts off, an interrupt that comes after the check still ends WFI, so no wake-up
     * is lost. It is served when they are on again. */
    const uint32_t interrupts = save_and_disable_interrupts();
    if (!microphone_pending() && !console_pending()) {
        __dsb();
        __wfi();
    }
    const uint32_t slept = timer_hw->timerawl - start;
    restore_interrupts(interrupts);
    return slept;
}

_Noreturn void board_reset(void) {
    fault_expect_reset();
    watchdog_reboot(0, 0, 0);
    for (;;) {
    }
}

_Noreturn void board_bootloader(void) {
    fault_expect_reset();
    reset_usb_boot(0, 0);
    for (;;) {
    }
}
