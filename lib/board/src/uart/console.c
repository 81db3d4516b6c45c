/* While the receive ring is full its interrupt is off. Bytes that the chip's own queue can't
 * hold are then lost and counted. */
#include "uart.h"

#include "../board.h"
#include "../cortex_m/core.h"

/* Bytes copied with interrupts off at a time; no more come in meanwhile than the chip's own
 * queue holds. */
enum { PIECE = 128 };

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

static uint32_t piece(uint32_t size) {
    return size < PIECE ? size : PIECE;
}

bool console_pending(void) {
    return ring_held(&received) > 0;
}

/* Nobody can tell who is at the other end of two wires. */
bool console_connected(void) {
    return true;
}

uint32_t console_read(uint8_t *data, uint32_t size) {
    uint32_t done = 0, count;
    do {
        const uint32_t interrupts = interrupts_off();
        count = ring_read(&received, data + done, piece(size - done));
        pump(); /* one may wait for the room */
        interrupts_restore(interrupts);
        done += count;
    } while (count == PIECE);
    return done;
}

uint32_t console_write(const uint8_t *data, uint32_t size) {
    uint32_t done = 0, count;
    do {
        const uint32_t interrupts = interrupts_off();
        count = ring_write(&sending, data + done, piece(size - done));
        pump(); /* the first one starts the interrupts */
        interrupts_restore(interrupts);
        done += count;
    } while (count == PIECE);
    return done;
}

uint32_t console_write_room(void) {
    return ring_room(&sending);
}

void console_task(void) {
}

uint32_t console_overruns(void) {
    return receive_overruns;
}
