/* lib/features on a bare Cortex-M4F or M33 in QEMU: frames of `pcm` as hex lines by semihosting,
 * then the timer ticks a frame took. */
#include <stddef.h>

#include "audio_features.h"
#include "features_registry.h"
#include "pcm.h" /* written by host/otolith/virtual/cores.py: features, pcm[], BANDS, FRAMES, TIMER, ... */
#include "semihost.h"

static int16_t frames[FRAMES][BANDS];
static char line[BANDS * 4 + 16];

static void print_frame(const int16_t *values) {
    for (uint32_t i = 0; i < BANDS; i++) {
        for (uint32_t digit = 0; digit < 4; digit++) {
            line[4 * i + digit] = "0123456789abcdef"[(uint16_t)values[i] >> (12 - 4 * digit) & 15];
        }
    }
    line[BANDS * 4] = '\n';
    line[BANDS * 4 + 1] = '\0';
    semihost(WRITE0, line);
}

static void print_number(uint32_t x) {
    char *end = line + 12;
    *end = '\0';
    *--end = '\n';
    do {
        *--end = (char)('0' + x % 10);
    } while ((x /= 10) != 0);
    semihost(WRITE0, "instructions ");
    semihost(WRITE0, end);
}

static int run(void) {
    volatile uint32_t *const timer = (volatile uint32_t *)TIMER;
    timer[2] = 0xffffffff; /* reload */
    timer[1] = 0xffffffff; /* counts down */
    timer[0] = 1;
    const uint32_t before = timer[1];
    const uint32_t count = features_extract(&features, pcm, PCM_SAMPLES, frames[0], NULL);
    const uint32_t ticks = before - timer[1];
    for (uint32_t i = 0; i < count; i++) {
        print_frame(frames[i]);
    }
    print_number(ticks * TICK_INSTRUCTIONS / (count ? count : 1));
    return EXIT_OK;
}

void reset(void) {
    *(volatile uint32_t *)0xe000ed88 |= 0xf << 20; /* CPACR: floating-point unit on */
    semihost(EXIT, (const void *)(intptr_t)run());
    for (;;) {
    }
}
