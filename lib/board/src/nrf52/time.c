/* Microseconds come from TIMER0 at 1 MHz, because SysTick stops when the CPU sleeps. Its 32 bits
 * wrap after 71 minutes; an interrupt every 100 ms sees each wrap and wakes the main loop often
 * enough for the watchdog. CPU cycles come from DWT, which counts while the CPU is awake. */
#include "../board.h"

#include "../cortex_m/chip.h"
#include "../cortex_m/core.h"
#include "internal.h"
#include "nrf.h"

enum { PERIOD_US = 100000, PRESCALER_1_MHZ = 4 /* 16 MHz / 2^4 */, TICK = 0, NOW = 1 };
#define DEMCR (*(reg_t *)0xe000edfcu)
#define DEMCR_TRACE (1u << 24)
#define DWT_CONTROL (*(reg_t *)0xe0001000u)
#define DWT_COUNTING (1u << 0)
#define DWT_CYCLES (*(reg_t *)0xe0001004u)

static uint32_t wraps, last; /* touched with interrupts off only */

void clock_init(void) {
    NRF_TIMER0->INTENCLR = ~0u; /* a boot loader's */
    NRF_TIMER0->TASKS_STOP = 1;
    NRF_TIMER0->TASKS_CLEAR = 1;
    NRF_TIMER0->MODE = TIMER_MODE_MODE_Timer;
    NRF_TIMER0->BITMODE = TIMER_BITMODE_BITMODE_32Bit;
    NRF_TIMER0->PRESCALER = PRESCALER_1_MHZ;
    NRF_TIMER0->CC[TICK] = PERIOD_US;
    NRF_TIMER0->EVENTS_COMPARE[TICK] = 0;
    NRF_TIMER0->INTENSET = TIMER_INTENSET_COMPARE0_Msk;
    interrupt_enable(TIMER0_IRQn);
    NRF_TIMER0->TASKS_START = 1;
    DEMCR |= DEMCR_TRACE;
    DWT_CYCLES = 0;
    DWT_CONTROL |= DWT_COUNTING;
}

uint64_t board_time_us(void) {
    const uint32_t interrupts = interrupts_off();
    NRF_TIMER0->TASKS_CAPTURE[NOW] = 1;
    const uint32_t now = NRF_TIMER0->CC[NOW];
    if (now < last) {
        wraps++;
    }
    last = now;
    const uint64_t time = (uint64_t)wraps << 32 | now;
    interrupts_restore(interrupts);
    return time;
}

void isr_timer(void) {
    NRF_TIMER0->EVENTS_COMPARE[TICK] = 0;
    /* Counted from now, not from the last tick: a late interrupt would set a time that has
     * passed. */
    NRF_TIMER0->CC[TICK] = (uint32_t)board_time_us() + PERIOD_US;
}

void isr_systick(void) { /* not used */
}

uint32_t board_cycles(void) {
    return DWT_CYCLES;
}

uint32_t board_clock_hz(void) {
    return BOARD_CLOCK_HZ;
}
