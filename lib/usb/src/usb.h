/* The USB device (TinyUSB): console, and microphone where OTOLITH_USB_MICROPHONE is defined. Its
 * interrupt only queues events; usb_task works on them from the main loop. */
#ifndef OTOLITH_USB_H
#define OTOLITH_USB_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* pid.codes' test ids: for development, not for products that are sold. */
enum { USB_VENDOR = 0x1209, USB_PRODUCT_BOARD = 0x0001, USB_PRODUCT_MICROPHONE = 0x0002 };

/* serial: unique, must stay where it is. */
void usb_init(const char *serial);
void usb_task(void);
bool usb_pending(void);   /* usb_task has something to do */
bool usb_suspended(void); /* the host sleeps: little power may be drawn */
const char *usb_serial(void);

/* Console: a CDC port. Non-blocking; read and write return the bytes moved. */
bool usb_console_connected(void);
uint32_t usb_console_read(uint8_t *data, uint32_t size);
uint32_t usb_console_write(const uint8_t *data, uint32_t size);
uint32_t usb_console_write_room(void);

#ifdef __cplusplus
}
#endif
#endif
