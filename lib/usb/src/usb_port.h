/* What lib/usb must know of a chip's USB core beyond what TinyUSB tells; lib/board implements it.
 */
#ifndef OTOLITH_USB_PORT_H
#define OTOLITH_USB_PORT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Does a packet still wait in this IN endpoint for the host to fetch it? */
bool usb_port_packet_waits(uint8_t endpoint);

/* In the interrupt: a control request has come, and what was left of an earlier one is void. */
void usb_port_request_begins(void);

#ifdef __cplusplus
}
#endif
#endif
