/* Start-up, identity and bootloader of an EFR32MG24 board. */
#include "../board.h"

#include "../cortex_m/chip.h"
#include "../uart/uart.h"
#include "internal.h"
#include "registers.h"

/* The start of RAM belongs to the bootloader, which reads a request there (UG489, Gecko
 * Bootloader User's Guide, reset information). The linker script leaves it free. */
#define BOOTLOADER_REQUEST (*(reg_t *)BOARD_BOOTLOADER_REQUEST)
#define BOOTLOADER_ENTER (0xf00fu << 16 | 0x0202u) /* signature, reason */

static char serial[16 + 1];

static void write_serial(void) {
    const uint64_t id = (uint64_t)DEVINFO->EUI64H << 32 | DEVINFO->EUI64L;
    for (int digit = 0; digit < 16; digit++) {
        serial[digit] = "0123456789ABCDEF"[id >> (60 - 4 * digit) & 15];
    }
}

void board_init(void) {
    BOOTLOADER_REQUEST = 0;
    fault_init(reset_cause());
    clocks_init();
    clock_init();
    write_serial();
    led_init();
    console_init();
}

const char *board_serial(void) {
    return serial;
}

bool chip_pending(void) {
    return microphone_pending() || console_pending();
}

/* After a reset the Gecko bootloader runs first, if there is one; otherwise this image does. */
_Noreturn void board_bootloader(void) {
    BOOTLOADER_REQUEST = BOOTLOADER_ENTER;
    reset_chip();
}
