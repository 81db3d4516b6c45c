/* While the receive ring is full its interrupt is off: what the chip's own queue does not hold then
 * is lost, and that is counted. */
#include "uart.h"

#include "../board.h"
#include "../cortex_m/core.h"

static ring_t received, sending; /* touched with interrupts off only */
static uint32_t receive_overruns;

static void pump(void) {
    receive_overruns += uart_pump(&received, &sending);
}

void isr_uart(void) {
    const uint32_t interrupts = interrupts_off();
    pump();
    interrupts_restore(interrupts);
}

bool console_pending(void) {
    return ring_held(&received) > 0;
}

/* Nobody can tell who is at the other end of two wires. */
bool console_connected(void) {
    return true;
}

uint32_t console_read(uint8_t *data, uint32_t size) {
    const uint32_t interrupts = interrupts_off();
    const uint32_t count = ring_read(&received, data, size);
    pump(); /* one may wait for the room */
    interrupts_restore(interrupts);
    return count;
}

uint32_t console_write(const uint8_t *data, uint32_t size) {
    const uint32_t interrupts = interrupts_off();
    const uint32_t count = ring_write(&sending, data, size);
    pump(); /* the first one starts the interrupts */
    interrupts_restore(interrupts);
    return count;
}

uint32_t console_write_room(void) {
    return ring_room(&sending);
}

void console_task(void) {
}

uint32_t console_overruns(void) {
    return receive_overruns;
}
