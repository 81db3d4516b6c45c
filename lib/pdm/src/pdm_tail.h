/* The filters from 64 kHz on, for pdm.c and adc_stream.h: 64 kHz -> FIR / 2 -> 32 kHz -> half-band
 * / 2 -> 16 kHz -> notch. */
#ifndef OTOLITH_PDM_TAIL_H
#define OTOLITH_PDM_TAIL_H

#include "pdm_filters.h"
#include "pdm_state.h"
#include "pdm_taps.h"

/* Four words from `by` of them further back, `fours` times. */
static void move_up(void *words, uint32_t by, uint32_t fours) {
    typedef struct {
        uint32_t words[4];
    } __attribute__((may_alias)) four_t;
    four_t *to = (four_t *)words;
    const four_t *from = (const four_t *)(const void *)((uint32_t *)words + by);
    for (; fours > 0; fours--) {
        *to++ = *from++;
    }
}

/* p->middle's new samples, four a sample of PCM, to PCM. */
static void pdm_tail(pdm_tail_t *p, int16_t *pcm, uint32_t samples) {
    int32_t sums[PDM_BLOCK];
    const uint32_t threes = samples * 171 >> 9; /* a third, rounded down */
    pdm_middle(p->middle, p->even + PDM_LAST_PAIRS - 1, p->odd + 2 * PDM_LAST_PAIRS - 1, samples);
    pdm_last(p->odd, sums, threes, samples - 3 * threes);
    p->mean = pdm_finish(sums, p->even, pcm, samples, p->mean);
    /* what the next block's filters reach back to */
    move_up(p->middle, 2 * samples, PDM_MIDDLE_TAPS / 8 + 1);
    move_up(p->even, samples, PDM_LAST_PAIRS / 4);
    move_up(p->odd, samples, PDM_LAST_PAIRS / 2);
}

#endif
