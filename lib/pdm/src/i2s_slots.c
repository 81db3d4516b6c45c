#include "i2s_slots.h"

#include "pdm_taps.h" /* PDM_NOTCH_SHIFT: the same notch, 5 Hz */

enum { FACTOR_SHIFT = 12, BITS_DROPPED = 8 };

void i2s_slots_init(i2s_slots_t *s) {
    s->mean = 0;
    s->started = false;
}

void i2s_slots_to_pcm(i2s_slots_t *s, const uint32_t *slots, uint32_t stride, uint32_t late,
                      uint32_t factor, int16_t *pcm, uint32_t samples) {
    enum { SHIFT = FACTOR_SHIFT + BITS_DROPPED };
    int64_t mean = s->mean;
    for (uint32_t i = 0; i < samples; i++, slots += stride) {
        const int32_t sample = (int32_t)(*slots << late) >> 8;
        if (!s->started) { /* the first sample stands for the constant part */
            s->started = true;
            mean = (int64_t)sample * (1 << PDM_NOTCH_SHIFT);
        }
        mean += sample - (int32_t)(mean >> PDM_NOTCH_SHIFT);
        const int32_t ac = sample - (int32_t)(mean >> PDM_NOTCH_SHIFT);
        const int64_t scaled = ((int64_t)ac * factor + (1 << (SHIFT - 1))) >> SHIFT;
        pcm[i] = (int16_t)(scaled > INT16_MAX   ? INT16_MAX
                           : scaled < INT16_MIN ? INT16_MIN
                                                : scaled);
    }
    s->mean = mean;
}
