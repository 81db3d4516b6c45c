/* The inner loops of pdm.c: in C, or for Cortex-M0+ in assembly (pdm_armv6m.S). */
#ifndef OTOLITH_PDM_FILTERS_H
#define OTOLITH_PDM_FILTERS_H

#include <stdint.h>

/* `words` of bits, the oldest in bit 31 -> two samples of 64 kHz each, 0 to 65280. table, open:
 * pdm_state.h. */
void pdm_first(const uint32_t table[2][256][2], const uint32_t *bits, uint32_t words, int32_t *out,
               uint32_t open[2]);

/* 4 * count + 9 samples of 64 kHz -> count of 32 kHz in each of even and odd. */
void pdm_middle(const int32_t *x, int32_t *even, int32_t *odd, uint32_t count);

/* The half-band's sums but for the centre's part, of 3 * threes outputs; reads 3 * threes + 31
 * samples. */
void pdm_last(const int32_t *odd, int32_t *sums, uint32_t threes);

/* Those sums and the centre's part, of the even samples -> PCM without what is constant in it; the
 * mean at the end. `mean`: that of before. */
int32_t pdm_finish(const int32_t *sums, const int32_t *even, int16_t *pcm, uint32_t count,
                   int32_t mean);

#endif
