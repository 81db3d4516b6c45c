/* A console over USB: functions that a chip family calls. */
#ifndef OTOLITH_BOARD_USB_CONSOLE_H
#define OTOLITH_BOARD_USB_CONSOLE_H

#include <stdbool.h>

void console_init(void);
bool console_pending(
    void); /* whether there is anything to do before sleeping; called with interrupts off */

#endif
