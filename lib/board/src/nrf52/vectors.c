/* The vector table of the nRF52840 (Product Specification 4.3: interrupt numbers). */
#include "../cortex_m/chip.h"
#include "internal.h"
#include "nrf.h"
#ifndef BOARD_USB
#include "../uart/uart.h"
#endif

#define INTERRUPT(number) [FIRST_INTERRUPT + (number)]

__attribute__((section(".vectors"), used, aligned(256)))
const vector_t vectors[FIRST_INTERRUPT + NRF_INTERRUPTS] = {
    CORE_VECTORS,
    INTERRUPT(POWER_CLOCK_IRQn) = (vector_t)isr_power,
#ifndef BOARD_USB
    INTERRUPT(UARTE0_UART0_IRQn) = (vector_t)isr_uart,
#endif
    INTERRUPT(TIMER0_IRQn) = (vector_t)isr_timer,
#ifdef BOARD_MICROPHONE_I2S
    INTERRUPT(I2S_IRQn) = (vector_t)isr_microphone,
#else
    INTERRUPT(PDM_IRQn) = (vector_t)isr_microphone,
#endif
    INTERRUPT(USBD_IRQn) = (vector_t)isr_usb,
};
