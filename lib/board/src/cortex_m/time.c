/* Time from SysTick. Its 24 bits wrap every 100 ms; its interrupt counts the wraps and wakes the
 * main loop often enough for the watchdog. Chips whose SysTick stops in sleep define
 * BOARD_OWN_TIME. */
#ifndef BOARD_OWN_TIME
#include "../board.h"

#include "chip.h"
#include "core.h"

enum { PERIOD = BOARD_CLOCK_HZ / 10, PERIOD_US = 100000 };
_Static_assert(PERIOD <= 1 << 24 && PERIOD * 10 == BOARD_CLOCK_HZ, "clock");

static volatile uint32_t periods;

void isr_systick(void) {
    periods++;
}

void clock_init(void) {
    SYSTICK->reload = PERIOD - 1;
    SYSTICK->value = 0;
    SYSTICK->control = SYSTICK_CPU_CLOCK | SYSTICK_INTERRUPT | SYSTICK_ENABLE;
}

/* PERIOD - 1 down to 1. At 0, for one cycle, the wrap may not show yet. */
static uint32_t countdown(void) {
    uint32_t value;
    while ((value = SYSTICK->value) == 0) {
    }
    return value;
}

typedef struct {
    uint64_t periods;
    uint32_t cycles; /* of this one */
} instant_t;

static instant_t now(void) {
    const uint32_t interrupts = interrupts_off();
    uint32_t left = countdown();
    uint64_t whole = periods;
    if (SCB_ICSR & SCB_ICSR_SYSTICK_PENDING) { /* wrapped, not yet counted */
        whole++;
        left = countdown();
    }
    interrupts_restore(interrupts);
    return (instant_t){whole, PERIOD - left};
}

uint64_t board_time_us(void) {
    const instant_t t = now();
    return t.periods * PERIOD_US + (uint64_t)t.cycles * PERIOD_US / PERIOD;
}

uint32_t board_cycles(void) {
    const instant_t t = now();
    return (uint32_t)t.periods * PERIOD + t.cycles;
}

uint32_t board_clock_hz(void) {
    return BOARD_CLOCK_HZ;
}
#endif
