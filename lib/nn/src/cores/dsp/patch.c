#include "patch.h"

uint32_t *nn_dsp_widen_both(uint32_t *patch, const int8_t *from, int32_t apart, uint32_t blocks,
                            int32_t rows, int32_t down) {
    for (; rows > 0 && blocks; rows--, from += down) {
        const int8_t *at = from;
#if NN_DSP_INSTRUCTIONS
        /* in assembly, because the compiler does not use STM for four registers */
        uint32_t left = blocks;
        __asm volatile("1:\n\t"
                       "ldr r3, [%[at], %[apart]]\n\t"
                       "ldr r5, [%[at]], #4\n\t"
                       "sxtb16 r4, r5\n\t"
                       "sxtb16 r5, r5, ror #8\n\t"
                       "sxtb16 r6, r3\n\t"
                       "sxtb16 r8, r3, ror #8\n\t"
                       "stm %[patch]!, {r4, r5, r6, r8}\n\t"
                       "subs %[left], %[left], #1\n\t"
                       "bne 1b\n\t"
                       : [patch] "+r"(patch), [at] "+r"(at), [left] "+r"(left)
                       : [apart] "r"(apart)
                       : "r3", "r4", "r5", "r6", "r8", "cc", "memory");
#else
        for (uint32_t left = blocks; left; left--, at += 4, patch += NN_DSP_BLOCK) {
            nn_dsp_widen4(patch, nn_load4(at));
            nn_dsp_widen4(patch + NN_DSP_PIXEL, nn_load4(at + apart));
        }
#endif
    }
    return patch;
}
