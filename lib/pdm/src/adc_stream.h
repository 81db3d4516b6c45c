/* 64 kHz counts -> [1 4 1] / 6 -> lib/pdm's filters from 64 kHz on; for adc.c and adc16.c, which
 * say SCALE and SCALE_SHIFT.
 *
 * Those filters make up for the droop of four moving sums of 15.6 us in series. Their impulse
 * response is a cubic B-spline. Sampled at 64 kHz it is [1 4 1] / 6, so with these taps in front
 * the pass band is as flat as a PDM microphone's. */
#ifndef OTOLITH_ADC_STREAM_H
#define OTOLITH_ADC_STREAM_H

#include "adc.h"
#include "pdm_tail.h"

#include <string.h>

static uint16_t smooth(uint32_t x0, uint32_t x1, uint32_t x2) {
    return (uint16_t)((x0 + 4 * x1 + x2) * SCALE >> SCALE_SHIFT);
}

/* As if `count` had been there for ever. */
static void start(adc_t *a, uint16_t count) {
    pdm_tail_t *t = &a->tail;
    int32_t sum;
    a->started = true;
    a->before[0] = a->before[1] = count;
    for (uint32_t i = 0; i < sizeof t->middle / sizeof *t->middle; i++) {
        t->middle[i] = smooth(count, count, count);
    }
    pdm_middle(t->middle, t->even, t->odd, 1);
    for (uint32_t i = 0; i < sizeof t->even / sizeof *t->even; i++) {
        t->even[i] = t->even[0];
    }
    for (uint32_t i = 0; i < sizeof t->odd / sizeof *t->odd; i++) {
        t->odd[i] = t->odd[0];
    }
    pdm_last(t->odd, &sum, 0, 1);
    t->mean =
        ((sum + t->even[0] * (1 << PDM_LAST_CENTRE)) >> PDM_LAST_SHIFT) * (1 << PDM_NOTCH_SHIFT);
}

static void decimate(adc_t *a, const uint16_t *counts, int16_t *pcm, uint32_t samples) {
    if (!a->started && samples > 0) {
        start(a, counts[0]);
    }
    while (samples > 0) {
        const uint32_t count = samples < PDM_BLOCK ? samples : PDM_BLOCK;
        uint16_t *to = a->tail.middle + PDM_MIDDLE_TAPS - 2;
        uint32_t x0 = a->before[0], x1 = a->before[1];
        for (uint32_t i = 0; i < ADC_DECIMATION * count; i++) {
            const uint32_t x2 = *counts++;
            to[i] = smooth(x0, x1, x2);
            x0 = x1;
            x1 = x2;
        }
        a->before[0] = (uint16_t)x0;
        a->before[1] = (uint16_t)x1;
        pdm_tail(&a->tail, pcm, count);
        pcm += count;
        samples -= count;
    }
}

#endif
