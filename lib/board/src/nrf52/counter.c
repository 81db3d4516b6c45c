/* TIMER1 and TIMER2 count events through PPI, so the count is right even if an interrupt comes
 * late. */
#include "internal.h"
#include "nrf.h"

static NRF_TIMER_Type *timer_of(uint32_t which) {
    return which == COUNTER_BLOCKS ? NRF_TIMER1 : NRF_TIMER2;
}

void counter_start(uint32_t which, volatile uint32_t *event) {
    NRF_TIMER_Type *const timer = timer_of(which);
    NRF_PPI->CHENCLR = 1u << which;
    timer->TASKS_STOP = 1;
    timer->TASKS_CLEAR = 1;
    timer->MODE = TIMER_MODE_MODE_Counter;
    timer->BITMODE = TIMER_BITMODE_BITMODE_32Bit;
    timer->TASKS_START = 1;
    NRF_PPI->CH[which].EEP = (uint32_t)event;
    NRF_PPI->CH[which].TEP = (uint32_t)&timer->TASKS_COUNT;
    NRF_PPI->CHENSET = 1u << which;
}

uint32_t counter_read(uint32_t which) {
    NRF_TIMER_Type *const timer = timer_of(which);
    timer->TASKS_CAPTURE[0] = 1;
    return timer->CC[0];
}
