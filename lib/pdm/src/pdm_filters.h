/* The inner loops of pdm.c: in C, or for Cortex-M0+ in assembly (pdm_armv6m.S). */
#ifndef OTOLITH_PDM_FILTERS_H
#define OTOLITH_PDM_FILTERS_H

#include <stdint.h>

/* `words` of bits, an even number, the oldest in bit 31 -> two samples of 64 kHz each, 0 to 65280.
 * table, open: pdm_state.h. */
void pdm_first(const uint32_t table[2][256][2], const uint32_t *bits, uint32_t words, uint16_t *out,
               uint32_t open[2]);

/* 4 * count + 9 samples of 64 kHz -> count of 32 kHz in each of even and odd. */
void pdm_middle(const uint16_t *x, int32_t *even, int32_t *odd, uint32_t count);

/* The half-band's sums but for the centre's part, of 3 * threes + ones outputs, from 31 samples
 * more than that. */
void pdm_last(const int32_t *odd, int32_t *sums, uint32_t threes, uint32_t ones);

/* Those sums and the centre's part, of the even samples -> PCM without what is constant in it; the
 * mean at the end. `mean`: that of before. */
int32_t pdm_finish(const int32_t *sums, const int32_t *even, int16_t *pcm, uint32_t count,
                   int32_t mean);

#endif
