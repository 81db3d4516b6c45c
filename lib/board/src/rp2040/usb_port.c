/* RP2040 datasheet 4.1.2.5: buffer control; the controller clears "available" with the packet. */
#include "usb_port.h"

#include "hardware/structs/usb_dpram.h"

bool usb_port_packet_waits(uint8_t endpoint) {
    return (usb_dpram->ep_buf_ctrl[endpoint & 15].in & USB_BUF_CTRL_AVAIL) != 0;
}

void usb_port_request_begins(void) { /* TinyUSB's driver sees to it */
}
