/* Start-up and identity of an MPS2 board. */
#include "../board.h"

#include <stddef.h>

#include "../cortex_m/chip.h"
#include "../uart/uart.h"

void board_init(void) {
    fault_init(NULL);
    clock_init();
    console_init();
    led_set(0);
}

/* The FPGA image has no serial number. */
const char *board_serial(void) {
    return "0000000000000000";
}

bool chip_pending(void) {
    return console_pending();
}

/* There is no boot loader: QEMU or the board's own controller loads the image. */
_Noreturn void board_bootloader(void) {
    reset_chip();
}
