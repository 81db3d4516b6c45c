/* Compiled networks on a bare Cortex-M4F or M33 in QEMU: the outputs of every round as hex lines by
 * semihosting, after each network the instructions of its last round. */
#include <stddef.h>

#include "networks.h" /* written by tests/support/qemu_networks.py: engines, data, TIMER, ROUNDS, ... */
#include "semihost.h"

static void print_number(uint32_t x) {
    char line[16], *end = line + 12;
    *end = '\0';
    *--end = '\n';
    do {
        *--end = (char)('0' + x % 10);
    } while ((x /= 10) != 0);
    semihost(WRITE0, "instructions ");
    semihost(WRITE0, end);
}

static void print_bytes(const int8_t *values, uint32_t count) {
    static char line[129];
    while (count) {
        const uint32_t now = count < 64 ? count : 64;
        for (uint32_t i = 0; i < now; i++, values++) {
            line[2 * i] = "0123456789abcdef"[(uint8_t)*values >> 4];
            line[2 * i + 1] = "0123456789abcdef"[*values & 15];
        }
        line[2 * now] = '\n';
        line[2 * now + 1] = '\0';
        semihost(WRITE0, line);
        count -= now;
    }
}

static int run(void) {
    volatile uint32_t *const timer = (volatile uint32_t *)TIMER;
    timer[2] = 0xffffffff; /* reload */
    timer[1] = 0xffffffff; /* counts down */
    timer[0] = 1;
    const int8_t *at = inputs_of_all;
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
        const engine_t *engine = &engines[e];
        const nn_info_t *info = engine->info();
        uint32_t ticks = 0;
        if (engine->init()) {
            return 2;
        }
        for (int r = 0; r < ROUNDS; r++) {
            for (int i = 0; i < info->inputs; i++) {
                engine->set_input(i, at); /* where it lies, at any address */
                at += info->input[i].bytes;
            }
            const uint32_t before = timer[1];
            if (engine->invoke()) {
                return 3;
            }
            ticks = before - timer[1];
            for (int i = 0; i < info->outputs; i++) {
                print_bytes(engine->output(i), info->output[i].bytes);
            }
        }
        print_number(ticks * TICK_INSTRUCTIONS);
    }
    return EXIT_OK;
}

void reset(void) {
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* CPACR: floating-point unit on */
    semihost(EXIT, (const void *)(intptr_t)run());
    for (;;) {
    }
}
