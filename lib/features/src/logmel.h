/* Tables of the front end `logmel`; host/otolith/features/logmel.py computes them with TFLM's
 * own functions. */
#ifndef OTOLITH_LOGMEL_H
#define OTOLITH_LOGMEL_H

#include <stdbool.h>
#include <stdint.h>

#include "rfft_kiss.h"

enum { LOGMEL_MAX_BANDS = 127 };

/* Tables for one choice of settings; constant. Q formats are TFLM's. */
typedef struct {
    const rfft_kiss_t *fft; /* the power of two at or above the window */
    const uint32_t *window; /* Q12 pairs, an odd window's last one with a 0 */

    /* The filters overlap by half: between two peaks a bin's energy is shared by two filters,
     * with weights w and 4096 - w. There are bands + 1 such spans, one after the other. */
    uint16_t start, end;   /* FFT bins with energy */
    const uint16_t *spans; /* bands + 1 values: bins of each, from `start` on */
    const uint16_t
        *weights; /* Q12, end - start values: the share of the filter with the later peak */
    const int16_t *uneven; /* (span, bin, by how much) where the shares' sum is not 4096, as both
                              were rounded; ended by bin 0 */

    bool noise_reduction;
    uint8_t smoothing_bits;
    uint16_t even_smoothing, odd_smoothing, min_signal_remaining; /* Q14 */

    const int16_t *gain_lut; /* PCAN, 125 values; NULL: off. Needs noise reduction */
    int8_t snr_shift;

    bool log_scale;
    uint8_t log_shift;

    int16_t notch; /* Q15 coefficient of the DC notch filter; 0: off */

    bool activity;
    uint8_t activity_scale;                     /* bits the sum over bands is shifted by */
    int16_t activity_alpha_a, activity_alpha_b; /* Q8 */
    int16_t arm_threshold, trip_threshold;      /* Q12 */
} logmel_tables_t;

#endif
