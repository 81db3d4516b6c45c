#include "usb.h"

#include "tusb.h"

static const char *serial_text = "";

void usb_init(const char *serial) {
    serial_text = serial;
    tud_init(0);
}

const char *usb_serial(void) {
    return serial_text;
}

void usb_task(void) {
    tud_task();
}

bool usb_pending(void) {
    return tud_task_event_ready();
}

bool usb_suspended(void) {
    return tud_suspended();
}
