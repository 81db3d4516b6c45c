/* What lib/usb needs from a chip's USB controller and TinyUSB does not offer. lib/board implements
 * it. */
#ifndef OTOLITH_USB_PORT_H
#define OTOLITH_USB_PORT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Whether a packet in this IN endpoint still waits for the host to fetch it. */
bool usb_port_packet_waits(uint8_t endpoint);

/* A control request has come: forget what is left of an earlier one. Called in the interrupt. */
void usb_port_request_begins(void);

#ifdef __cplusplus
}
#endif
#endif
