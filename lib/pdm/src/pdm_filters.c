#include "pdm_filters.h"

#include "pdm_taps.h"

#ifndef __ARM_ARCH_6M__

void pdm_first(const uint32_t table[2][256][2], const uint32_t *bits, uint32_t words, uint16_t *out,
               uint32_t open[2]) {
    uint32_t a = open[0], b = open[1]; /* outputs 0 and 2, 1 and 3 */
    for (uint32_t i = 0; i < words; i++) {
        const uint32_t word = bits[i];
        const uint32_t *t = table[0][word >> 24];
        a += t[0], b += t[1];
        t = table[1][word >> 16 & 255];
        a += t[0], b += t[1];
        *out++ = (uint16_t)a;
        a >>= 16; /* the outputs move up: 1 and 3 become 0 and 2, 2 becomes 1 */
        t = table[0][word >> 8 & 255];
        b += t[0], a += t[1];
        t = table[1][word & 255];
        b += t[0], a += t[1];
        *out++ = (uint16_t)b;
        b >>= 16;
    }
    open[0] = a;
    open[1] = b;
}

/* Both FIRs are symmetric: one tap serves two samples, one on either side of the centre. */
static inline int32_t middle(const uint16_t *x) {
    static const int32_t taps[] = {PDM_MIDDLE_0, PDM_MIDDLE_1, PDM_MIDDLE_2, PDM_MIDDLE_3,
                                   PDM_MIDDLE_4};
    int32_t sum = PDM_MIDDLE_START + x[5] * PDM_MIDDLE_5;
#pragma GCC unroll 5
    for (uint32_t i = 0; i < 5; i++) {
        sum += (x[i] + x[10 - i]) * taps[i];
    }
    return sum >> PDM_MIDDLE_SHIFT;
}

void pdm_middle(const uint16_t *x, int32_t *even, int32_t *odd, uint32_t count) {
    for (uint32_t i = 0; i < count; i++, x += 4) {
        even[i] = middle(x);
        odd[i] = middle(x + 2);
    }
}

void pdm_last(const int32_t *odd, int32_t *sums, uint32_t threes, uint32_t ones) {
    static const int32_t taps[] = {
        PDM_LAST_0,  PDM_LAST_1,  PDM_LAST_2,  PDM_LAST_3,  PDM_LAST_4,  PDM_LAST_5,
        PDM_LAST_6,  PDM_LAST_7,  PDM_LAST_8,  PDM_LAST_9,  PDM_LAST_10, PDM_LAST_11,
        PDM_LAST_12, PDM_LAST_13, PDM_LAST_14, PDM_LAST_15,
    };
    for (uint32_t i = 0; i < 3 * threes + ones; i++, odd++) {
        int32_t sum = PDM_LAST_START;
#pragma GCC unroll 16
        for (uint32_t k = 0; k < 16; k++) {
            sum += (odd[k] + odd[31 - k]) * taps[k];
        }
        sums[i] = sum;
    }
}

static inline int16_t saturate(int32_t x) {
    return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
}

int32_t pdm_finish(const int32_t *sums, const int32_t *even, int16_t *pcm, uint32_t count,
                   int32_t mean) {
    for (uint32_t i = 0; i < count; i++) {
        const int32_t z = (sums[i] + even[i] * (1 << PDM_LAST_CENTRE)) >> PDM_LAST_SHIFT;
        mean += z - (mean >> PDM_NOTCH_SHIFT);
        pcm[i] = saturate((z - (mean >> PDM_NOTCH_SHIFT) + (1 << (PDM_TO_PCM - 1))) >> PDM_TO_PCM);
    }
    return mean;
}

#endif
