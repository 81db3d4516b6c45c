/* The console is UART 0. QEMU's end waits while there is no room. */
#include "../cortex_m/chip.h"
#include "../uart/uart.h"
#include "registers.h"

uint32_t uart_pump(ring_t *received, ring_t *sending) {
    uint32_t lost = 0;
    UART->interrupts = UART_INTERRUPTS; /* before looking: what comes later interrupts again */
    while ((UART->state & UART_RX_FULL) && ring_room(received) > 0) {
        ring_put(received, (uint8_t)UART->data);
    }
    if (UART->state & UART_RX_OVERRUN) {
        UART->state = UART_RX_OVERRUN;
        lost++;
    }
    while (!(UART->state & UART_TX_FULL) && ring_held(sending) > 0) {
        UART->data = ring_take(sending);
    }
    UART->control = UART_TX_ENABLE | UART_RX_ENABLE | UART_TX_INTERRUPT |
                    (ring_room(received) > 0 ? UART_RX_INTERRUPT : 0);
    return lost;
}

void console_init(void) {
    UART->divider = BOARD_CLOCK_HZ / BOARD_BAUD;
    isr_uart();
    interrupt_enable(BOARD_UART0_IRQ);
    interrupt_enable(BOARD_UART0_IRQ + 1);
}

void console_print(const char *text) {
    UART->divider = BOARD_CLOCK_HZ / BOARD_BAUD;
    UART->control = UART_TX_ENABLE;
    while (*text) {
        while (UART->state & UART_TX_FULL) {
        }
        UART->data = (uint8_t)*text++;
    }
    while (UART->state & UART_TX_FULL) {
    }
}
