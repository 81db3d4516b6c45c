/* Magnitudes of a real FFT in Q15, bit for bit those of CMSIS-DSP's arm_rfft_q15 (plain C) and
 * arm_cmplx_mag_q15. */
#ifndef OTOLITH_RFFT_Q15_H
#define OTOLITH_RFFT_Q15_H

#include <stdint.h>

#include "pair.h"

enum { RFFT_Q15_MAX = 512 };

/* Tables for one length; host/otolith/features/rfft.py computes them. Pairs of Q15, the first
 * number in the low half. */
typedef struct {
    uint16_t points;          /* 32, 64, 128, 256 or 512 */
    const uint32_t *twiddles; /* (cos, sin) in the order of use: the radix-2 stage's, then three for
                                 each butterfly */
    const uint32_t *split;    /* ((1 - sin) / 2, cos / 2) of bins 1 .. points / 4 - 1 */
    const uint8_t *order;     /* the place of each bin of the complex FFT after its last stage */
} rfft_q15_t;

/* Window the samples and compute points / 2 + 1 magnitudes.
 *
 * window: points / 2 pairs of Q15, not negative; its mean is at most 1/2, and any four values a
 * quarter of the window apart add up to at most 2, as in a Hann window. Nothing overflows then.
 * samples: points / 2 pairs. work: room for points + 1 words, apart from the samples. */
void rfft_q15_magnitudes(const rfft_q15_t *fft, const pair_t *window, const pair_t *samples,
                         uint32_t *work, int16_t *out);

#endif
