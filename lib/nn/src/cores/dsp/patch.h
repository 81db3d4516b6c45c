/* Patches: what a convolution multiplies its weights with, for two pixels side by side. A block is
 * four values of each pixel as 16-bit numbers in the order 0 2 1 3, which is how SXTB16 takes bytes
 * apart. */
#ifndef OTOLITH_NN_DSP_PATCH_H
#define OTOLITH_NN_DSP_PATCH_H

#include "simd.h"

enum { NN_DSP_PIXEL = 2, NN_DSP_BLOCK = 2 * NN_DSP_PIXEL }; /* words */

static inline void nn_dsp_widen4(uint32_t *to, uint32_t four) {
    to[0] = nn_sxtb16(four);
    to[1] = nn_sxtb16_odd(four);
}

/* Widen one pixel, `rows` times `blocks` blocks; rows are `down` bytes apart. Where the next
 * belong. */
static inline uint32_t *nn_dsp_widen(uint32_t *patch, const int8_t *from, uint32_t blocks,
                                     int32_t rows, int32_t down) {
    for (; rows > 0; rows--, from += down) {
        const int8_t *at = from;
        for (uint32_t left = blocks; left; left--, at += 4, patch += NN_DSP_BLOCK) {
            nn_dsp_widen4(patch, nn_load4(at));
        }
    }
    return patch;
}

/* And another `apart` bytes from it. */
uint32_t *nn_dsp_widen_both(uint32_t *patch, const int8_t *from, int32_t apart, uint32_t blocks,
                            int32_t rows, int32_t down);

#endif
