/* 1.024 MHz bits -> boxes / 16 -> 64 kHz -> FIR / 2 -> 32 kHz -> half-band / 2 -> 16 kHz -> notch.
 *
 * The first filter adds up, by table, what each byte of bits gives to the four outputs it reaches;
 * 16 bits hold an output exactly, so two share a word. The others are plain FIRs. All sums fit 32
 * bits: the largest input of a filter times its sum of |taps| stays below 2^31. */
#include "pdm.h"

#include "pdm_taps.h"

#include <string.h>

enum {
    FIRST_LARGEST = 16 * 16 * 15 * 17, /* from 61 one bits: 65280, below 2^16 */
    MIDDLE_SHIFT = 14,
    LAST_SHIFT = 10,  /* taps have 13 bits: 2^19, until the notch has had its say */
    NOTCH_TO_PCM = 4, /* 2^15 */
    NOTCH_SHIFT = 9,  /* 16 kHz / (2 pi 2^9) = 5 Hz */
};

/* First filter: moving sums of these lengths in series, 61 taps. Two zeros at 64 kHz and one either
 * side put what folds into 0-7 kHz below -76 dB. */
static const uint8_t boxes[4] = {16, 16, 15, 17};

enum { LAST_CENTRE = 4096 };

static void box_taps(uint32_t taps[64]) {
    uint32_t length = 1;
    memset(taps, 0, 64 * sizeof *taps);
    taps[0] = 1;
    for (uint32_t b = 0; b < sizeof boxes; b++) {
        length += boxes[b] - 1u;
        for (uint32_t i = length; i-- > 0;) { /* in place, from the end */
            uint32_t sum = 0;
            for (uint32_t k = 0; k < boxes[b] && k <= i; k++) {
                sum += taps[i - k];
            }
            taps[i] = sum;
        }
    }
}

void pdm_init(pdm_t *p) {
    uint32_t taps[64];
    memset(p, 0, sizeof *p);
    box_taps(taps);
    for (uint32_t place = 0; place < 2; place++) {
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t sum[4] = {0};
            for (uint32_t bit = 0; bit < 8; bit++) {
                /* taps from the newest bit back: output 0 ends with these 16 bits, 1 with the next
                 */
                const uint32_t age = 15 - 8 * place - bit;
                for (uint32_t output = 0; output < 4 && (value >> (7 - bit) & 1); output++) {
                    sum[output] += taps[age + 16 * output];
                }
            }
            p->table[place][value][0] = sum[0] | sum[2] << 16;
            p->table[place][value][1] = sum[1] | sum[3] << 16;
        }
    }
    /* as many ones as zeros have gone before: silence */
    for (uint32_t step = 0; step < 3; step++) {
        const uint32_t done = p->open[0] + p->table[0][0x55][0] + p->table[1][0x55][0];
        p->open[0] = p->open[1] + p->table[0][0x55][1] + p->table[1][0x55][1];
        p->open[1] = done >> 16;
    }
}

/* Take a word of bits, oldest first: two samples of 64 kHz. */
static inline void first(const pdm_t *p, uint32_t open[2], uint32_t word, int32_t out[2]) {
    const uint32_t *t = p->table[0][word >> 24];
    uint32_t a = open[0] + t[0], b = open[1] + t[1];
    t = p->table[1][word >> 16 & 255];
    a += t[0], b += t[1];
    out[0] = (int32_t)(a & 0xffff) * 2 - FIRST_LARGEST;
    a >>= 16; /* the outputs move up: 1 and 3 become 0 and 2, 2 becomes 1 */
    t = p->table[0][word >> 8 & 255];
    b += t[0], a += t[1];
    t = p->table[1][word & 255];
    b += t[0], a += t[1];
    out[1] = (int32_t)(b & 0xffff) * 2 - FIRST_LARGEST;
    open[0] = a;
    open[1] = b >> 16;
}

/* The outer `count` taps of a symmetric FIR with both ends they apply to, 0 and `last`. */
static inline int32_t pairs(const int32_t *x, const int32_t *taps, uint32_t count, uint32_t last) {
    int32_t sum = 0;
#pragma GCC unroll 16
    for (uint32_t i = 0; i < count; i++) {
        sum += (x[i] + x[last - i]) * taps[i];
    }
    return sum;
}

static inline int16_t saturate(int32_t x) {
    return (int16_t)(x > 32767 ? 32767 : x < -32768 ? -32768 : x);
}

/* p->middle's new samples, four a sample of PCM, to PCM. */
static void filter(pdm_t *p, int16_t *pcm, uint32_t samples) {
    enum { HALF = PDM_MIDDLE_TAPS / 2, ROUND = 1 << (MIDDLE_SHIFT - 1) };
    const int32_t *x = p->middle;
    int32_t *even = p->even + PDM_LAST_PAIRS - 1, *odd = p->odd + 2 * PDM_LAST_PAIRS - 1;
    int32_t mean = p->mean;
    for (uint32_t i = 0; i < samples; i++, x += 4) {
        const int32_t *y = x + 2;
        even[i] =
            (pairs(x, pdm_middle_taps, HALF, 2 * HALF) + x[HALF] * pdm_middle_taps[HALF] + ROUND) >>
            MIDDLE_SHIFT;
        odd[i] =
            (pairs(y, pdm_middle_taps, HALF, 2 * HALF) + y[HALF] * pdm_middle_taps[HALF] + ROUND) >>
            MIDDLE_SHIFT;
        const int32_t sum =
            pairs(p->odd + i, pdm_last_taps, PDM_LAST_PAIRS, 2 * PDM_LAST_PAIRS - 1) +
            p->even[i] * LAST_CENTRE;
        const int32_t z = (sum + (1 << (LAST_SHIFT - 1))) >> LAST_SHIFT;
        mean += z - (mean >> NOTCH_SHIFT);
        pcm[i] = saturate((z - (mean >> NOTCH_SHIFT) + (1 << (NOTCH_TO_PCM - 1))) >> NOTCH_TO_PCM);
    }
    p->mean = mean;
    /* what the next block's filters reach back to */
    memmove(p->middle, p->middle + 4 * samples, (PDM_MIDDLE_TAPS - 2) * sizeof *p->middle);
    memmove(p->even, p->even + samples, (PDM_LAST_PAIRS - 1) * sizeof *p->even);
    memmove(p->odd, p->odd + samples, (2 * PDM_LAST_PAIRS - 1) * sizeof *p->odd);
}

/* 32 bits, oldest first, as word `at` of `bits`. */
typedef uint32_t get_word_t(const void *bits, uint32_t at);

static inline uint32_t from_bytes(const void *bits, uint32_t at) {
    const uint8_t *b = (const uint8_t *)bits + 4 * at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint32_t from_words(const void *bits, uint32_t at) {
    return ((const uint32_t *)bits)[at];
}

static inline void decimate(pdm_t *p, const void *bits, get_word_t *get_word, int16_t *pcm,
                            uint32_t samples) {
    for (uint32_t done = 0; done < samples;) {
        const uint32_t left = samples - done, count = left < PDM_BLOCK ? left : PDM_BLOCK;
        uint32_t open[2] = {p->open[0], p->open[1]}; /* in registers */
        int32_t *fresh = p->middle + PDM_MIDDLE_TAPS - 2;
        for (uint32_t i = 0; i < 2 * count; i++, fresh += 2) {
            first(p, open, get_word(bits, 2 * done + i), fresh);
        }
        p->open[0] = open[0];
        p->open[1] = open[1];
        filter(p, pcm + done, count);
        done += count;
    }
}

void pdm_decimate(pdm_t *p, const uint8_t *bits, int16_t *pcm, uint32_t samples) {
    decimate(p, bits, from_bytes, pcm, samples);
}

void pdm_decimate_words(pdm_t *p, const uint32_t *words, int16_t *pcm, uint32_t samples) {
    decimate(p, words, from_words, pcm, samples);
}
