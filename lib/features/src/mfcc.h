/* Front end `mfcc`: what host/features/mfcc.py writes for it. */
#ifndef OTOLITH_MFCC_H
#define OTOLITH_MFCC_H

#include <stdint.h>

enum { MFCC_MAX_FFT = 512, MFCC_MAX_MELS = 128 };

/* Tables for one choice of window, filters and coefficients; constant. */
typedef struct {
    uint16_t fft;                  /* the power of two at or above the window, up to MFCC_MAX_FFT */
    uint16_t mels;                 /* filters, 1..MFCC_MAX_MELS; at least as many as bands */
    const int16_t *window;         /* Q15, fft values: 0 behind the window's length */
    const uint32_t *filter_start;  /* mels values: first FFT bin of a filter */
    const uint32_t *filter_length; /* mels values: its bins; start + length <= fft / 2 + 1 */
    const int16_t *filters;        /* Q15, all filters' weights one behind the other */
    const int16_t *dct;            /* Q15, bands rows of mels values */
    const int16_t *split_a;        /* Q15, fft values: (re, im) pairs arm_rfft_q15 splits with */
    const int16_t *split_b;
    const void *cfft; /* arm_cfft_instance_q15 of fft / 2 points */
} mfcc_tables_t;

#endif
