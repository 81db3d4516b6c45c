#include "pcm_gain.h"

/* 1 dB up and down, times 2^STEP_SHIFT */
enum { STEP_UP = 73533, STEP_DOWN = 58409, STEP_SHIFT = 16 };

uint32_t pcm_gain_factor(int32_t db) {
    const uint32_t step = db > 0 ? STEP_UP : STEP_DOWN;
    uint64_t factor = (uint64_t)PCM_GAIN_ONE << 8; /* guard bits for the rounding of each step */
    for (uint32_t n = (uint32_t)(db > 0 ? db : -db); n > 0; n--) {
        factor = factor * step >> STEP_SHIFT;
    }
    return (uint32_t)((factor + 128) >> 8);
}

void pcm_gain(int16_t *pcm, uint32_t samples, uint32_t factor) {
    for (uint32_t i = 0; i < samples; i++) {
        const int64_t scaled = ((int64_t)pcm[i] * factor + PCM_GAIN_ONE / 2) >> 12;
        pcm[i] = (int16_t)(scaled > INT16_MAX   ? INT16_MAX
                           : scaled < INT16_MIN ? INT16_MIN
                                                : scaled);
    }
}
