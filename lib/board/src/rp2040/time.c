/* Microseconds come from the TIMER block, CPU cycles from SysTick. SysTick's 24 bits wrap every
 * 134 ms at 125 MHz and every 112 ms at 150 MHz; its interrupt counts the wraps and wakes the main
 * loop often enough for the watchdog. */
#include "../board.h"

#include "hardware/clocks.h"
#include "hardware/structs/scb.h"
#include "hardware/structs/systick.h"
#include "hardware/sync.h"
#include "hardware/timer.h"

#include "chip.h"
#include "internal.h"

static volatile uint32_t wraps;

/* Takes the place of the SDK's weak vector. In RAM: it runs while fetch.c reads flash. */
void isr_systick(void);
void __not_in_flash_func(isr_systick)(void) {
    wraps++;
}

void clock_init(void) {
    systick_hw->rvr = 0xffffff;
    systick_hw->cvr = 0;
    systick_hw->csr = SYSTICK_ON;
}

uint64_t board_time_us(void) {
    return time_us_64();
}

uint32_t board_cycles(void) {
    const uint32_t interrupts = save_and_disable_interrupts();
    uint32_t high = wraps;
    uint32_t low = systick_hw->cvr;
    if (scb_hw->icsr & SYSTICK_PENDING) { /* wrapped, not yet counted */
        high++;
        low = systick_hw->cvr;
    }
    restore_interrupts(interrupts);
    return (high << 24) + (0xffffff - low);
}

uint32_t board_clock_hz(void) {
    return clock_get_hz(clk_sys);
}
