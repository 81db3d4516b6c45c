#include "patch.h"

/* pixels: 2 or 4 */
static inline uint32_t *widen(const uint32_t pixels, uint32_t *patch, const int8_t *from,
                              int32_t apart, uint32_t blocks, int32_t rows, int32_t down) {
    for (; rows > 0 && blocks; rows--, from += down) {
        const int8_t *at = from;
#if NN_DSP_INSTRUCTIONS
        /* in assembly, because the compiler does not keep loads and stores together */
        uint32_t left = blocks;
        __asm volatile("1:\n\t"
                       "ldr r3, [%[at], %[apart]]\n\t"
                       "ldr r5, [%[at]], #4\n\t"
                       "sxtb16 r6, r3\n\t"
                       "sxtb16 r4, r5\n\t"
                       "sxtb16 r5, r5, ror #8\n\t"
                       "sxtb16 r3, r3, ror #8\n\t"
                       "str r6, [%[patch], #8]\n\t"
                       "str r3, [%[patch], #12]\n\t"
                       "str r5, [%[patch], #4]\n\t"
                       "str r4, [%[patch]], %[step]\n\t"
                       "subs %[left], %[left], #1\n\t"
                       "bne 1b\n\t"
                       : [patch] "+r"(patch), [at] "+r"(at), [left] "+r"(left)
                       : [apart] "r"(apart), [step] "i"(4 * NN_DSP_PIXEL * pixels)
                       : "r3", "r4", "r5", "r6", "cc", "memory");
#else
        for (uint32_t left = blocks; left; left--, at += 4, patch += pixels * NN_DSP_PIXEL) {
            nn_dsp_widen4(patch, nn_load4(at));
            nn_dsp_widen4(patch + NN_DSP_PIXEL, nn_load4(at + apart));
        }
#endif
    }
    return patch;
}

uint32_t *nn_dsp_widen_2(uint32_t *patch, const int8_t *from, int32_t apart, uint32_t blocks,
                         int32_t rows, int32_t down) {
    return widen(2, patch, from, apart, blocks, rows, down);
}

uint32_t *nn_dsp_widen_2_of_4(uint32_t *patch, const int8_t *from, int32_t apart, uint32_t blocks,
                              int32_t rows, int32_t down) {
    return widen(4, patch, from, apart, blocks, rows, down);
}
