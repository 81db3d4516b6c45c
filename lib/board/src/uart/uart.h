/* A console over a UART, with interrupts and two rings (console.c), and what a chip family adds
 * to it. */
#ifndef OTOLITH_BOARD_UART_H
#define OTOLITH_BOARD_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "../ring.h"

/* ---- the family's ---- */

/* Set pins, clock and baud rate; then pump, and enable interrupts. */
void console_init(void);
/* Move bytes between the chip's queues and the rings, and enable the next interrupt: for
 * reception only while there is room, for sending only while there are bytes. Called with
 * interrupts off. Returns how often bytes were lost since the last call. */
uint32_t uart_pump(ring_t *received, ring_t *sending);

/* ---- console.c ---- */

void isr_uart(void);
bool console_pending(void); /* whether anything was received */
/* How often bytes were lost because the app did not read them in time; for a debugger. */
uint32_t console_overruns(void);

#endif
