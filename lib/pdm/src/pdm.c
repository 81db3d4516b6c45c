/* 1.024 MHz bits -> sinc^5 / 16 -> 64 kHz -> FIR / 2 -> 32 kHz -> FIR / 2 -> 16 kHz -> DC notch.
 *
 * The first filter works on bytes of bits by table; the last one also undoes the droop of the
 * first. All sums fit 32 bits: full scale is 2^16 inside, and each filter's sum of |taps| times
 * that and its scale stays below 2^31. */
#include "pdm.h"

#include <string.h>

enum {
    SINC_ORDER = 5,
    SINC_LENGTH = 16,
    SINC_TAPS = SINC_ORDER * (SINC_LENGTH - 1) + 1, /* 76, sum 2^20 */
    SINC_SHIFT = 4,                                 /* 2^20 -> 2^16 */
    MIDDLE_SHIFT = 14,
    LAST_SHIFT = 14, /* taps have 13 bits; one more halves 2^16 to 2^15 */
    NOTCH_SHIFT = 9, /* 16 kHz / (2 pi 2^9) = 5 Hz */
};

/* Equiripple: 0-7 kHz within 0.01 dB, 25-32 kHz below -63 dB. Sum 2^14, symmetric. */
static const int16_t middle_taps[PDM_MIDDLE_TAPS / 2 + 1] = {
    176, 0, -984, 0, 4906, 8188,
};

/* Least squares: the inverse of the other two's droop to 7.1 kHz, 8.95-16 kHz below -62 dB.
 * Sum 2^13, symmetric. */
static const int16_t last_taps[PDM_LAST_TAPS / 2 + 1] = {
    -4,  -4,  6,    10, -10, -18, 13,   29, -17, -45, 22,   67,  -26,  -96,  31,
    134, -35, -185, 38, 257, -39, -365, 35, 547, -23, -950, -58, 2667, 4230,
};

static void sinc_taps(int32_t taps[8 * PDM_SINC_BYTES]) {
    memset(taps, 0, 8 * PDM_SINC_BYTES * sizeof *taps);
    taps[0] = 1;
    for (uint32_t order = 1; order <= SINC_ORDER; order++) {
        const int32_t length = (int32_t)(order * (SINC_LENGTH - 1));
        for (int32_t i = length; i >= 0; i--) { /* taps * (1 + z + ... + z^15), in place */
            int32_t sum = 0;
            for (int32_t k = 0; k < SINC_LENGTH && k <= i; k++) {
                sum += taps[i - k];
            }
            taps[i] = sum;
        }
    }
}

void pdm_init(pdm_t *p) {
    int32_t taps[8 * PDM_SINC_BYTES];
    memset(p, 0, sizeof *p);
    sinc_taps(taps);
    for (uint32_t byte = 0; byte < PDM_SINC_BYTES; byte++) {
        for (uint32_t value = 0; value < 256; value++) {
            int32_t sum = 0;
            for (uint32_t bit = 0; bit < 8; bit++) {
                const int32_t tap = taps[8 * byte + bit];
                sum += value >> (7 - bit) & 1 ? tap : -tap;
            }
            p->table[byte][value] = sum;
        }
    }
    /* as much +1 as -1: silence */
    memset(p->bits, 0x55, sizeof p->bits);
}

/* 64 kHz sample from the ten bytes at `bits`. */
static inline int32_t sinc(const pdm_t *p, const uint8_t *bits) {
    int32_t sum = 1 << (SINC_SHIFT - 1);
    for (uint32_t i = 0; i < PDM_SINC_BYTES; i++) {
        sum += p->table[i][bits[i]];
    }
    return sum >> SINC_SHIFT;
}

static inline int32_t symmetric(const int32_t *x, const int16_t *taps, uint32_t count) {
    const uint32_t half = count / 2;
    int32_t sum = x[half] * taps[half];
    for (uint32_t i = 0; i < half; i++) {
        sum += (x[i] + x[count - 1 - i]) * taps[i];
    }
    return sum;
}

static inline int16_t saturate(int32_t x) {
    return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
}

static void push_last(pdm_t *p, int32_t x) {
    p->last[p->last_at] = x;
    p->last[p->last_at + PDM_LAST_TAPS + 1] = x;
    p->last_at = p->last_at == PDM_LAST_TAPS ? 0 : p->last_at + 1;
}

/* One sample from the eight new bytes in p->bits[8..15]. */
static int16_t decimate(pdm_t *p) {
    int32_t *const fresh = p->middle + PDM_MIDDLE_TAPS - 1;
    for (uint32_t i = 0; i < 4; i++) {
        fresh[i] = sinc(p, p->bits + 2 * i);
    }
    for (uint32_t i = 0; i < 2; i++) {
        const int32_t sum = symmetric(p->middle + 2 * i, middle_taps, PDM_MIDDLE_TAPS);
        push_last(p, (sum + (1 << (MIDDLE_SHIFT - 1))) >> MIDDLE_SHIFT);
    }
    memmove(p->middle, p->middle + 4, (PDM_MIDDLE_TAPS - 1) * sizeof *p->middle);
    memcpy(p->bits, p->bits + 8, 8);
    /* the ring has one place more than the filter: the oldest of 58 is not needed */
    const int32_t sum = symmetric(p->last + p->last_at + 1, last_taps, PDM_LAST_TAPS);
    const int32_t x = (sum + (1 << (LAST_SHIFT - 1))) >> LAST_SHIFT;
    p->mean += x - (p->mean >> NOTCH_SHIFT);
    return saturate(x - (p->mean >> NOTCH_SHIFT));
}

void pdm_decimate(pdm_t *p, const uint8_t *bits, int16_t *pcm, uint32_t samples) {
    for (uint32_t i = 0; i < samples; i++, bits += PDM_BYTES_PER_SAMPLE) {
        memcpy(p->bits + 8, bits, 8);
        pcm[i] = decimate(p);
    }
}

void pdm_decimate_words(pdm_t *p, const uint32_t *words, int16_t *pcm, uint32_t samples) {
    for (uint32_t i = 0; i < samples; i++, words += 2) {
        for (uint32_t k = 0; k < 4; k++) {
            p->bits[8 + k] = (uint8_t)(words[0] >> (24 - 8 * k));
            p->bits[12 + k] = (uint8_t)(words[1] >> (24 - 8 * k));
        }
        pcm[i] = decimate(p);
    }
}
