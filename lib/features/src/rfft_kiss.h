/* Energies of a real FFT in kissfft's 16-bit arithmetic (kiss_fftr), as TFLM's audio front end
 * uses it. They are equal bit for bit, also where sums wrap. */
#ifndef OTOLITH_RFFT_KISS_H
#define OTOLITH_RFFT_KISS_H

#include <stdint.h>

#include "pair.h"

enum { RFFT_KISS_MAX = 512 };

/* Tables for one length; host/otolith/features/rfft.py computes them. Pairs of Q15, the first
 * number in the low half. */
typedef struct {
    uint16_t points;          /* 16 .. RFFT_KISS_MAX, a power of two */
    const uint8_t *order;     /* first input of each butterfly of the first stage, in order */
    const uint32_t *twiddles; /* kissfft's, three a butterfly in the order of use */
    const uint32_t *split;    /* kissfft's super_twiddles, points / 4 */
} rfft_kiss_t;

/* energy[k] = re^2 + im^2 of the bins first <= k < last.
 *
 * samples: points / 2 pairs. shift: bits by which they are shifted up first. work: room for
 * points / 2 pairs. energy: room for points / 2 + 1 values; may be the samples. Of other bins,
 * only neighbours of the wanted ones may be written. */
void rfft_kiss_energies(const rfft_kiss_t *fft, const pair_t *samples, uint32_t shift, pair_t *work,
                        uint32_t first, uint32_t last, uint32_t *energy);

#endif
