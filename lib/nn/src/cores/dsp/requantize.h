/* Rescales a sum to int8 in four instructions, with both roundings of TFLite's
 * MultiplyByQuantizedMultiplier, for shifts to the right. For a sum s, multiplier m, shift e >= 1:
 *   first = (s m + 2^30) >> 31           = high half of 2s m + 2^31     (SMMULR)
 *   value = (first + 2^(e-1) - [first < 0]) >> e                 (half away from zero)
 * The sign of s is used instead of the sign of `first`. They differ only if first = 0, and then the
 * result is 0 with either sign. Output zero point and 2^(e-1) form one constant, which is added
 * while multiplying. The compiler proves that nothing overflows (host/otolith/compile/cores/dsp/).
 */
#ifndef OTOLITH_NN_DSP_REQUANTIZE_H
#define OTOLITH_NN_DSP_REQUANTIZE_H

#include "dsp_kernels.h"
#include "simd.h"

static inline const nn_dsp_channel_t *nn_dsp_channels(const nn_dsp_out_t *out) {
    return (const nn_dsp_channel_t *)(const void *)out->channels;
}

/* Rescales a sum. twice: two times the sum, with the bias. */
static inline int32_t nn_dsp_requantize(int32_t twice, const nn_dsp_channel_t *c) {
    const int32_t value = nn_smmlar(twice, c->multiplier, c->round + (twice >> 31));
    return nn_saturate8(value >> c->shift);
}

static inline int32_t nn_dsp_limit(int32_t x, const nn_dsp_out_t *out) {
    return x < out->low ? out->low : x > out->high ? out->high : x;
}

#endif
