/* Refuses control requests that TinyUSB accepts. */
#ifndef OTOLITH_USB_REQUEST_GUARD_H
#define OTOLITH_USB_REQUEST_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Stall endpoint 0 until the next request. Returns true: the request is handled. */
bool usb_refuse_request(uint8_t port);

#endif
