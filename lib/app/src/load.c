#include "load.h"

#include "board.h"

enum { PERIOD_US = 1000000 };

static uint32_t started_us, slept_us;

static uint32_t elapsed_us(void) {
    return (uint32_t)board_time_us() - started_us;
}

void load_start(void) {
    started_us = (uint32_t)board_time_us();
    slept_us = 0;
}

void load_slept(uint32_t us) {
    slept_us += us;
}

bool load_due(void) {
    return elapsed_us() >= PERIOD_US;
}

uint32_t load_take(void) {
    const uint32_t elapsed = elapsed_us();
    const uint32_t busy = elapsed > slept_us ? elapsed - slept_us : 0;
    started_us += elapsed;
    slept_us = 0;
    return busy / ((elapsed + 500) / 1000);
}
