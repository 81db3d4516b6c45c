/* Patches: the values that a convolution multiplies with its weights, for two or four neighbouring
 * pixels.
 *
 * A block has four values of each pixel as 16-bit numbers, one pixel after another. Their order is
 * 0 2 1 3, because SXTB16 unpacks bytes that way. */
#ifndef OTOLITH_NN_DSP_PATCH_H
#define OTOLITH_NN_DSP_PATCH_H

#include "simd.h"

enum { NN_DSP_PIXEL = 2 }; /* words of a block */

static inline void nn_dsp_widen4(uint32_t *to, uint32_t four) {
    to[0] = nn_sxtb16(four);
    to[1] = nn_sxtb16_odd(four);
}

/* Widens the patch of one pixel: `rows` rows, `down` bytes apart, of `blocks` blocks. pixels: how
 * many the patch is for. Returns where the next blocks go. */
static inline uint32_t *nn_dsp_widen(uint32_t *patch, uint32_t pixels, const int8_t *from,
                                     uint32_t blocks, int32_t rows, int32_t down) {
    for (; rows > 0; rows--, from += down) {
        const int8_t *at = from;
        for (uint32_t left = blocks; left; left--, at += 4, patch += pixels * NN_DSP_PIXEL) {
            nn_dsp_widen4(patch, nn_load4(at));
        }
    }
    return patch;
}

/* As nn_dsp_widen(), for two pixels that are `apart` bytes from each other, in a patch for two. */
uint32_t *nn_dsp_widen_2(uint32_t *patch, const int8_t *from, int32_t apart, uint32_t blocks,
                         int32_t rows, int32_t down);
/* The same in a patch for four. */
uint32_t *nn_dsp_widen_2_of_4(uint32_t *patch, const int8_t *from, int32_t apart, uint32_t blocks,
                              int32_t rows, int32_t down);

#endif
