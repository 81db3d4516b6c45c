/* The console is UART 0, by interrupts, through two rings. While the receive ring is full its
 * interrupt is off: the sender waits (QEMU's does) or bytes are lost, and that is counted. */
#include "../board.h"

#include "../cortex_m/chip.h"
#include "../ring.h"
#include "internal.h"
#include "registers.h"

enum { BAUD = 115200 };

static ring_t received, sending; /* touched with interrupts off only */
static uint32_t overruns;

/* Move what can be moved; with interrupts off. */
static void pump(void) {
    UART->interrupts = UART_INTERRUPTS; /* before looking: what comes later interrupts again */
    while ((UART->state & UART_RX_FULL) && ring_room(&received) > 0) {
        ring_put(&received, (uint8_t)UART->data);
    }
    if (UART->state & UART_RX_OVERRUN) {
        UART->state = UART_RX_OVERRUN;
        overruns++;
    }
    while (!(UART->state & UART_TX_FULL) && ring_held(&sending) > 0) {
        UART->data = ring_take(&sending);
    }
    UART->control = UART_TX_ENABLE | UART_RX_ENABLE | UART_TX_INTERRUPT |
                    (ring_room(&received) > 0 ? UART_RX_INTERRUPT : 0);
}

void isr_uart(void) {
    const uint32_t interrupts = interrupts_off();
    pump();
    interrupts_restore(interrupts);
}

void console_init(void) {
    UART->divider = BOARD_CLOCK_HZ / BAUD;
    isr_uart();
    for (uint32_t i = BOARD_UART0_IRQ; i < BOARD_UART0_IRQ + 2; i++) {
        interrupt_enable(i);
    }
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
    return overruns;
}

void console_print(const char *text) {
    UART->divider = BOARD_CLOCK_HZ / BAUD;
    UART->control = UART_TX_ENABLE;
    while (*text) {
        while (UART->state & UART_TX_FULL) {
        }
        UART->data = (uint8_t)*text++;
    }
    while (UART->state & UART_TX_FULL) {
    }
}
