/* A console that is a UART: by interrupts, through two rings (console.c). What a chip family adds
 * to it. */
#ifndef OTOLITH_BOARD_UART_H
#define OTOLITH_BOARD_UART_H

#include <stdbool.h>
#include <stdint.h>

#include "../ring.h"

/* ---- the family's ---- */

/* Pins, clock, baud rate; then pump and interrupts. */
void console_init(void);
/* Move what can be moved between the chip's queues and the rings, and ask for the next interrupt:
 * for reception only while there is room, for sending only while there is something. Called with
 * interrupts off. Returns how often bytes were lost since the last time. */
uint32_t uart_pump(ring_t *received, ring_t *sending);

/* ---- console.c ---- */

void isr_uart(void);
bool console_pending(void); /* anything received? */
/* Times that bytes were lost because none was taken for too long; for a debugger. */
uint32_t console_overruns(void);

#endif
