/* Energies of a real FFT in kissfft's 16-bit arithmetic (kiss_fftr), which TFLM's audio front end
 * uses: bit for bit, wrapping where it wraps. */
#ifndef OTOLITH_RFFT_KISS_H
#define OTOLITH_RFFT_KISS_H

#include <stdint.h>

#include "pair.h"

enum { RFFT_KISS_MAX = 512 };

/* Tables for one length (host/otolith/features/rfft.py); pairs of Q15, the first number in the low
 * half. */
typedef struct {
    uint16_t points;          /* 16 .. RFFT_KISS_MAX, a power of two */
    const uint8_t *order;     /* first input of each butterfly of the first stage, in its order */
    const uint32_t *twiddles; /* kissfft's, three a butterfly in the order of use */
    const uint32_t *split;    /* kissfft's super_twiddles, points / 4 */
} rfft_kiss_t;

/* points / 2 pairs of samples, shifted up by `shift` first -> energy[k] = re^2 + im^2 of the bins
 * first <= k < last; no others are written but their neighbours below points / 2 + 1. work:
 * points / 2 pairs; energy: points / 2 + 1 values, may be the samples. */
void rfft_kiss_energies(const rfft_kiss_t *fft, const pair_t *samples, uint32_t shift, pair_t *work,
                        uint32_t first, uint32_t last, uint32_t *energy);

#endif
