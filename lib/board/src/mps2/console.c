/* The console is UART 0, by interrupts, through two rings. While the receive ring is full its
 * interrupt is off: the sender waits (QEMU's does) or bytes are lost, and that is counted. */
#include "../board.h"

#include "internal.h"
#include "registers.h"

enum { BAUD = 115200, RING = 4096 }; /* room for a frame and a line; a power of two */

typedef struct {
    uint8_t data[RING];
    uint32_t in, out; /* count on; the difference is what is held */
} ring_t;

static ring_t received, sending; /* touched with interrupts off only */
static uint32_t overruns;

static uint32_t smaller(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static uint32_t held(const ring_t *ring) {
    return ring->in - ring->out;
}

static void put(ring_t *ring, uint8_t byte) {
    ring->data[ring->in++ % RING] = byte;
}

static uint8_t take(ring_t *ring) {
    return ring->data[ring->out++ % RING];
}

/* Move what can be moved; with interrupts off. */
static void pump(void) {
    UART->interrupts = UART_INTERRUPTS; /* before looking: what comes later interrupts again */
    while ((UART->state & UART_RX_FULL) && held(&received) < RING) {
        put(&received, (uint8_t)UART->data);
    }
    if (UART->state & UART_RX_OVERRUN) {
        UART->state = UART_RX_OVERRUN;
        overruns++;
    }
    while (!(UART->state & UART_TX_FULL) && held(&sending) > 0) {
        UART->data = take(&sending);
    }
    UART->control = UART_TX_ENABLE | UART_RX_ENABLE | UART_TX_INTERRUPT |
                    (held(&received) < RING ? UART_RX_INTERRUPT : 0);
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
        NVIC_ENABLE[i / 32] = 1u << i % 32;
    }
}

bool console_pending(void) {
    return held(&received) > 0;
}

/* Nobody can tell who is at the other end of two wires. */
bool console_connected(void) {
    return true;
}

uint32_t console_read(uint8_t *data, uint32_t size) {
    const uint32_t interrupts = interrupts_off();
    const uint32_t count = smaller(size, held(&received));
    for (uint32_t i = 0; i < count; i++) {
        data[i] = take(&received);
    }
    pump(); /* one may wait for the room */
    interrupts_restore(interrupts);
    return count;
}

uint32_t console_write(const uint8_t *data, uint32_t size) {
    const uint32_t interrupts = interrupts_off();
    const uint32_t count = smaller(size, RING - held(&sending));
    for (uint32_t i = 0; i < count; i++) {
        put(&sending, data[i]);
    }
    pump(); /* the first one starts the interrupts */
    interrupts_restore(interrupts);
    return count;
}

uint32_t console_write_room(void) {
    return RING - held(&sending);
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
