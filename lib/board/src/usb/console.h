/* A console over USB: what a chip family calls. */
#ifndef OTOLITH_BOARD_USB_CONSOLE_H
#define OTOLITH_BOARD_USB_CONSOLE_H

#include <stdbool.h>

void console_init(void);
bool console_pending(void); /* anything to do before sleeping? Asked with interrupts off */

#endif
