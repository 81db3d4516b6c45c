/* Magnitudes of a real FFT in Q15, bit for bit those of CMSIS-DSP's arm_rfft_q15 (plain C) and
 * arm_cmplx_mag_q15. */
#ifndef OTOLITH_RFFT_Q15_H
#define OTOLITH_RFFT_Q15_H

#include <stdint.h>

#include "pair.h"

enum { RFFT_Q15_MAX = 512 };

/* Tables for one length (host/otolith/features/rfft.py); pairs of Q15, the first number in the low
 * half. */
typedef struct {
    uint16_t points;          /* 32, 64, 128, 256 or 512 */
    const uint32_t *twiddles; /* (cos, sin) in the order of use: first the radix-2 stage's, then
                                 three a butterfly, stage after stage */
    const uint32_t *split;    /* ((1 - sin) / 2, cos / 2) of bins 1 .. points / 4 - 1 */
    const uint8_t *order;     /* where each bin of the complex FFT lies after its last stage */
} rfft_q15_t;

/* points / 2 pairs of samples times window (Q15, not negative) -> points / 2 + 1 magnitudes.
 *
 * The window's mean must not exceed 1/2, nor any four of its values a quarter apart add up to more
 * than 2: a Hann window's FFT can't overflow then, and nothing here saturates. work: points + 1
 * words, none of the samples. */
void rfft_q15_magnitudes(const rfft_q15_t *fft, const pair_t *window, const pair_t *samples,
                         uint32_t *work, int16_t *out);

#endif
