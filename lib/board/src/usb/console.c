/* The console is the chip's USB port. */
#include "console.h"

#include "../board.h"
#include "usb.h"

void console_init(void) {
    usb_init(board_serial());
}

bool console_pending(void) {
    return usb_pending();
}

bool console_connected(void) {
    return usb_console_connected();
}

uint32_t console_read(uint8_t *data, uint32_t size) {
    return usb_console_read(data, size);
}

uint32_t console_write(const uint8_t *data, uint32_t size) {
    return usb_console_write(data, size);
}

uint32_t console_write_room(void) {
    return usb_console_write_room();
}

void console_task(void) {
    usb_task();
}
