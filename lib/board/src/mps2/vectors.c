/* The vector table of an MPS2 board. No set-up is needed before main(). */
#include "../cortex_m/chip.h"
#include "../uart/uart.h"

__attribute__((section(".vectors"), used, aligned(512)))
const vector_t vectors[FIRST_INTERRUPT + BOARD_UART0_IRQ + 2] = {
    CORE_VECTORS, [FIRST_INTERRUPT + BOARD_UART0_IRQ] = (vector_t)isr_uart, /* receive */
    [FIRST_INTERRUPT + BOARD_UART0_IRQ + 1] = (vector_t)isr_uart,           /* transmit */
};

void chip_start(void) {
}
