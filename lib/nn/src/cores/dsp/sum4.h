/* Sums four channels at once. */
#ifndef OTOLITH_NN_DSP_SUM4_H
#define OTOLITH_NN_DSP_SUM4_H

#include "simd.h"

/* Sums of 16 bits: of channels 0 and 2, and of channels 1 and 3. */
typedef struct {
    uint32_t even, odd;
} nn_dsp_sum4_t;

enum { NN_DSP_SUM4_MOST = 256 }; /* number of terms that always fits */

/* Adds `count` more pixels, `step` bytes apart. */
static inline nn_dsp_sum4_t nn_dsp_sum4(nn_dsp_sum4_t sum, const int8_t *at, int32_t count,
                                        int32_t step) {
    for (; count > 0; count--, at += step) {
        const uint32_t four = nn_load4(at);
        sum.even = nn_add_halves(sum.even, nn_sxtb16(four));
        sum.odd = nn_add_halves(sum.odd, nn_sxtb16_odd(four));
    }
    return sum;
}

#endif
