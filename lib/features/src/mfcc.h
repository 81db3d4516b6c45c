/* Tables of the front end `mfcc`; host/otolith/features/mfcc.py computes them. */
#ifndef OTOLITH_MFCC_H
#define OTOLITH_MFCC_H

#include <stdint.h>

#include "rfft_q15.h"

enum { MFCC_MAX_MELS = 128 };

/* A pair is two Q15 numbers, the first one in the low half. */
typedef struct {
    const rfft_q15_t *fft;  /* the power of two at or above the window */
    uint16_t mels;          /* filters, 1..MFCC_MAX_MELS; at least as many as bands */
    const uint32_t *window; /* pairs, for as many samples as the FFT has; 0 after the window */
    const uint16_t *filter_start;  /* mels values: first FFT bin of a filter */
    const uint16_t *filter_length; /* mels values: its FFT bins; start + length <= points / 2 + 1 */
    const int16_t *filters;        /* Q15, the weights of all filters, one after the other */
    const uint32_t *dct;           /* bands rows of pairs, half of each: rows 0, 2, .. are symmetric
                                      about the middle, 1, 3, .. antisymmetric */
} mfcc_tables_t;

#endif
