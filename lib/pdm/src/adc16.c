/* Counts of 16 bits to PCM. */
#include "adc.h"

/* From 0..6 * 65535 to the range of pdm.c's first filter, as in adc.c. */
enum { SCALE = 1365, SCALE_SHIFT = 13 };
#include "adc_stream.h"

void adc16_decimate(adc_t *a, const uint16_t *counts, int16_t *pcm, uint32_t samples) {
    decimate(a, counts, pcm, samples);
}
