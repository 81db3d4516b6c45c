/* Front end `mfcc`: what host/otolith/features/mfcc.py writes for it. */
#ifndef OTOLITH_MFCC_H
#define OTOLITH_MFCC_H

#include <stdint.h>

#include "rfft_q15.h"

enum { MFCC_MAX_MELS = 128 };

/* Tables for one choice of window, filters and coefficients; constant. Pairs: two Q15 numbers, the
 * first in the low half. */
typedef struct {
    const rfft_q15_t *fft;         /* the power of two at or above the window */
    uint16_t mels;                 /* filters, 1..MFCC_MAX_MELS; at least as many as bands */
    const uint32_t *window;        /* pairs, as many samples as the FFT: 0 behind the window */
    const uint16_t *filter_start;  /* mels values: first FFT bin of a filter */
    const uint16_t *filter_length; /* mels values: its bins; start + length <= fft / 2 + 1 */
    const int16_t *filters;        /* Q15, all filters' weights one behind the other */
    const uint32_t *dct;           /* bands rows of pairs, half of each: rows 0, 2, .. are symmetric
                                      about the middle, 1, 3, .. antisymmetric */
} mfcc_tables_t;

#endif
