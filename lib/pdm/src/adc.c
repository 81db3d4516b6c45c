/* Counts of 12 bits to PCM. */
#include "adc.h"

/* From 0..6 * ADC_HIGHEST to the range of pdm.c's first filter, 0 to about 65280. */
enum { SCALE = 2730, SCALE_SHIFT = 10 };
#include "adc_stream.h"

void adc_init_stream(adc_t *a) {
    memset(a, 0, sizeof *a);
}

void adc_decimate(adc_t *a, const uint16_t *counts, int16_t *pcm, uint32_t samples) {
    decimate(a, counts, pcm, samples);
}
