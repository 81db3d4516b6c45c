/* The inner loops of pdm.c: in C, or for Cortex-M0+ in assembly (pdm_armv6m.S). */
#ifndef OTOLITH_PDM_FILTERS_H
#define OTOLITH_PDM_FILTERS_H

#include <stdint.h>

/* First filter: `words` words of bits, an even number, the oldest bit in bit 31, to two samples
 * of 64 kHz each, 0 to 65280. table, open: pdm_state.h. */
void pdm_first(const uint32_t table[2][256][2], const uint32_t *bits, uint32_t words, uint16_t *out,
               uint32_t open[2]);

/* Middle filter: 4 * count + 9 samples of 64 kHz to `count` samples of 32 kHz in each of even
 * and odd. */
void pdm_middle(const uint16_t *x, int32_t *even, int32_t *odd, uint32_t count);

/* Half-band filter: the sums of 3 * threes + ones outputs without the centre tap, from 31 more
 * samples than outputs. */
void pdm_last(const int32_t *odd, int32_t *sums, uint32_t threes, uint32_t ones);

/* Add the centre tap, from the even samples, to the sums, and remove the constant part: PCM.
 * mean: the constant part so far. Returns it as it is at the end. */
int32_t pdm_finish(const int32_t *sums, const int32_t *even, int16_t *pcm, uint32_t count,
                   int32_t mean);

#endif
