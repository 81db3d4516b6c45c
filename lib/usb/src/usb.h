/* The USB device, on TinyUSB: a console, and a microphone if OTOLITH_USB_MICROPHONE is defined.
 *
 * The interrupt only queues events; usb_task handles them in the main loop. All functions are for
 * the main loop. */
#ifndef OTOLITH_USB_H
#define OTOLITH_USB_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Test ids of pid.codes: for development, not for products. */
enum { USB_VENDOR = 0x1209, USB_PRODUCT_BOARD = 0x0001, USB_PRODUCT_MICROPHONE = 0x0002 };

/* Start the device. serial: the board's serial number; must stay valid. */
void usb_init(const char *serial);

/* Handle what the interrupt has queued. Call at least once a millisecond while awake. */
void usb_task(void);

/* Whether usb_task has something to do. */
bool usb_pending(void);

/* Whether the host has suspended the bus: the device may draw little current. */
bool usb_suspended(void);

/* The serial number given to usb_init. */
const char *usb_serial(void);

/* The console, a CDC port. Nothing blocks; read and write return the bytes moved, room the bytes
 * that write takes now. */
bool usb_console_connected(void);
uint32_t usb_console_read(uint8_t *data, uint32_t size);
uint32_t usb_console_write(const uint8_t *data, uint32_t size);
uint32_t usb_console_write_room(void);

#ifdef __cplusplus
}
#endif
#endif
