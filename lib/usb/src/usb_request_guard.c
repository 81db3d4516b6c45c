/* Three cases that TinyUSB 0.18 does not handle. The linker's --wrap puts these functions before
 * TinyUSB's own (platform/builder).
 *
 * A host may give up a request and make the next one at once. TinyUSB still answers the first one:
 * its packet waits at endpoint 0 when the second answer is due, and the RP2040's driver panics. Or
 * it refuses the first one, and the second is stalled. So a request that is no longer the newest is
 * neither answered nor refused.
 *
 * A host may send data with a standard request that only fetches some. TinyUSB would write it where
 * the answer lies: to a descriptor, or to a variable of a function that has returned.
 *
 * A host may reset the bus at any time. Until TinyUSB has handled the reset, its classes go on
 * sending, and the nRF52840's driver then waits for ever for a transfer to end. */
#include "usb_request_guard.h"

#include "device/dcd.h"
#include "device/usbd_pvt.h"
#include "tusb.h"
#include "usb_port.h"

bool __real_dcd_edpt_xfer(uint8_t port, uint8_t endpoint, uint8_t *data, uint16_t size);
bool __wrap_dcd_edpt_xfer(uint8_t port, uint8_t endpoint, uint8_t *data, uint16_t size);
void __real_dcd_edpt_stall(uint8_t port, uint8_t endpoint);
void __wrap_dcd_edpt_stall(uint8_t port, uint8_t endpoint);
void __real_usbd_control_set_complete_callback(usbd_control_xfer_cb_t callback);
void __wrap_usbd_control_set_complete_callback(usbd_control_xfer_cb_t callback);

bool __real_tud_control_xfer(uint8_t port, const tusb_control_request_t *request, void *data,
                             uint16_t size);
bool __wrap_tud_control_xfer(uint8_t port, const tusb_control_request_t *request, void *data,
                             uint16_t size);

void __real_usbd_control_reset(void);
void __wrap_usbd_control_reset(void);

static volatile uint32_t received; /* requests, counted by the interrupt */
static uint32_t begun;             /* of these, up to the one that is worked on */
static volatile uint32_t resets;   /* of the bus, or its end; counted likewise */
static uint32_t resets_seen;       /* of these, up to the one that TinyUSB has seen to */

void tud_event_hook_cb(uint8_t port, uint32_t event, bool in_interrupt) {
    (void)port;
    (void)in_interrupt;
    if (event == DCD_EVENT_SETUP_RECEIVED) {
        received++;
        usb_port_request_begins();
    } else if (event == DCD_EVENT_BUS_RESET || event == DCD_EVENT_UNPLUGGED) {
        resets++;
    }
}

/* usbd.c calls it when it has seen to one of them. */
void __wrap_usbd_control_reset(void) {
    resets_seen++;
    __real_usbd_control_reset();
}

/* usbd.c forgets a request's callback when a new request begins, and handles only the newest. */
void __wrap_usbd_control_set_complete_callback(usbd_control_xfer_cb_t callback) {
    if (callback == NULL) {
        begun = received;
    }
    __real_usbd_control_set_complete_callback(callback);
}

bool __wrap_dcd_edpt_xfer(uint8_t port, uint8_t endpoint, uint8_t *data, uint16_t size) {
    dcd_int_disable(port); /* nothing must come between the question and the answer */
    const bool late = tu_edpt_number(endpoint) == 0 ? received != begun : resets != resets_seen;
    const bool done = late || __real_dcd_edpt_xfer(port, endpoint, data, size);
    dcd_int_enable(port);
    return done;
}

void __wrap_dcd_edpt_stall(uint8_t port, uint8_t endpoint) {
    dcd_int_disable(port);
    if (tu_edpt_number(endpoint) != 0 || received == begun) {
        __real_dcd_edpt_stall(port, endpoint);
    }
    dcd_int_enable(port);
}

bool usb_refuse_request(uint8_t port) {
    usbd_edpt_stall(port, 0x00);
    usbd_edpt_stall(port, 0x80);
    return true;
}

/* No standard request that TinyUSB handles sends data to the device. */
bool __wrap_tud_control_xfer(uint8_t port, const tusb_control_request_t *request, void *data,
                             uint16_t size) {
    const bool brings_data = request->bmRequestType_bit.direction == TUSB_DIR_OUT &&
                             request->bmRequestType_bit.type == TUSB_REQ_TYPE_STANDARD &&
                             request->wLength > 0;
    return brings_data ? usb_refuse_request(port)
                       : __real_tud_control_xfer(port, request, data, size);
}
