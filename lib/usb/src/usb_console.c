#include "usb.h"

#include "tusb.h"

void tud_cdc_line_state_cb(uint8_t port, bool dtr, bool rts) {
    (void)port;
    (void)rts;
    if (!dtr) { /* the program on the host has closed the port: begin anew for the next one */
        tud_cdc_write_clear();
        tud_cdc_read_flush();
    }
}

bool usb_console_connected(void) {
    return tud_cdc_connected();
}

uint32_t usb_console_read(uint8_t *data, uint32_t size) {
    return tud_cdc_read(data, size);
}

uint32_t usb_console_write(const uint8_t *data, uint32_t size) {
    const uint32_t written = tud_cdc_write(data, size);
    tud_cdc_write_flush();
    return written;
}

uint32_t usb_console_write_room(void) {
    return tud_cdc_write_available();
}
