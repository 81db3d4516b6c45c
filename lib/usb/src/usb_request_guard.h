/* Refusing a control request where TinyUSB would not. */
#ifndef OTOLITH_USB_REQUEST_GUARD_H
#define OTOLITH_USB_REQUEST_GUARD_H

#include <stdbool.h>
#include <stdint.h>

/* Stall endpoint 0 until the next request. True: the request is dealt with. */
bool usb_refuse_request(uint8_t port);

#endif
