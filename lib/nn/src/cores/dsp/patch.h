/* int8 -> int16 in the order the weights are packed for. */
#ifndef OTOLITH_NN_DSP_PATCH_H
#define OTOLITH_NN_DSP_PATCH_H

#include "simd.h"

/* A block of two pixels: four values of each, in the order 0 2 1 3. */
enum { NN_DSP_PIXEL = 2, NN_DSP_BLOCK = 2 * NN_DSP_PIXEL }; /* words */

static inline void nn_dsp_widen4(uint32_t *to, uint32_t four) {
    to[0] = nn_sxtb16(four);
    to[1] = nn_sxtb16_odd(four);
}

/* 4 * blocks bytes of one pixel; where the next belong. */
static inline uint32_t *nn_dsp_widen(uint32_t *patch, const int8_t *from, uint32_t blocks) {
    for (; blocks; blocks--, from += 4, patch += NN_DSP_BLOCK) {
        nn_dsp_widen4(patch, nn_load4(from));
    }
    return patch;
}

/* As many of two. */
static inline uint32_t *nn_dsp_widen_both(uint32_t *patch, const int8_t *a, const int8_t *b,
                                          uint32_t blocks) {
    for (; blocks; blocks--, a += 4, b += 4, patch += NN_DSP_BLOCK) {
        nn_dsp_widen4(patch, nn_load4(a));
        nn_dsp_widen4(patch + NN_DSP_PIXEL, nn_load4(b));
    }
    return patch;
}

#endif
