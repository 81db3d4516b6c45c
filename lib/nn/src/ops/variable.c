/* Variables that only move from one invocation to the next. */
#include "../nn_kernels.h"

void nn_shift(int8_t *window, uint32_t step, uint32_t kept) {
    if (((uintptr_t)window | step | kept) % 4 == 0) {
        int32_t *to = (int32_t *)(void *)window;
        const int32_t *from = to + step / 4;
        for (uint32_t words = kept / 4; words != 0; words--) {
            *to++ = *from++;
        }
        return;
    }
    for (uint32_t i = 0; i < kept; i++) {
        window[i] = window[i + step];
    }
}

uint32_t nn_turn(int8_t *window, uint32_t at, uint32_t step, uint32_t kept) {
    if (at == 0) {
        return step;
    }
    memcpy(window - step, window + kept, step);
    return at == kept ? 0 : at + step;
}
