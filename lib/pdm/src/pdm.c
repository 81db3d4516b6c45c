/* 1.024 MHz bits -> boxes / 16 -> 64 kHz -> FIR / 2 -> 32 kHz -> half-band / 2 -> 16 kHz -> notch.
 *
 * The first filter uses a table of what each byte of bits adds to the four outputs it reaches.
 * An output fits 16 bits exactly, so two share a word. The others are plain FIRs. All sums fit
 * 32 bits: the largest input of a filter times its sum of |taps| stays below 2^31. */
#include "pdm.h"

#include "pdm_tail.h"

#include <string.h>

enum { SILENCE = 16 * 16 * 15 * 17 / 2 }; /* half of 65280, the first filter's largest output */

/* First filter: moving sums of these lengths in series, 61 taps. Two zeros at 64 kHz and one on
 * either side attenuate what folds into 0 to 7 kHz by more than 76 dB. */
static const uint8_t boxes[4] = {16, 16, 15, 17};

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
    for (uint32_t i = 0; i < PDM_MIDDLE_TAPS - 2; i++) {
        p->tail.middle[i] = SILENCE;
    }
    for (uint32_t step = 0; step < 3; step++) {
        const uint32_t done = p->open[0] + p->table[0][0x55][0] + p->table[1][0x55][0];
        p->open[0] = p->open[1] + p->table[0][0x55][1] + p->table[1][0x55][1];
        p->open[1] = done >> 16;
    }
}

void pdm_decimate_words(pdm_t *p, const uint32_t *words, int16_t *pcm, uint32_t samples) {
    while (samples > 0) {
        const uint32_t count = samples < PDM_BLOCK ? samples : PDM_BLOCK;
        pdm_first(p->table, words, 2 * count, p->tail.middle + PDM_MIDDLE_TAPS - 2, p->open);
        pdm_tail(&p->tail, pcm, count);
        words += 2 * count;
        pcm += count;
        samples -= count;
    }
}

void pdm_decimate(pdm_t *p, const uint8_t *bits, int16_t *pcm, uint32_t samples) {
    for (; samples > 0; samples--, bits += PDM_BYTES_PER_SAMPLE) {
        uint32_t words[2];
        for (uint32_t i = 0; i < 2; i++) {
            const uint8_t *b = bits + 4 * i;
            words[i] = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        }
        pdm_decimate_words(p, words, pcm++, 1);
    }
}
