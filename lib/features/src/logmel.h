/* Front end `logmel`: what host/features/logmel.py writes for it, by TFLM's own functions. */
#ifndef OTOLITH_LOGMEL_H
#define OTOLITH_LOGMEL_H

#include <stdbool.h>
#include <stdint.h>

enum { LOGMEL_MAX_FFT = 512, LOGMEL_MAX_BANDS = 127 };

/* kissfft's own state of a complex FFT (struct kiss_fft_state), with room for its twiddles. */
typedef struct {
    int nfft, inverse, factors[64];
    int16_t twiddles[LOGMEL_MAX_FFT]; /* Q15 (re, im) pairs, nfft of them */
} logmel_fft_t;

/* Tables for one choice of settings; constant. Q formats are TFLM's. */
typedef struct {
    uint16_t fft;                  /* the power of two at or above the window, 4..LOGMEL_MAX_FFT */
    const int16_t *window;         /* Q12, window values */
    const logmel_fft_t *half;      /* complex FFT of fft / 2 points */
    const int16_t *super_twiddles; /* Q15 pairs, fft / 4 of them */

    uint16_t start, end;             /* FFT bins with energy */
    const int16_t *frequency_starts; /* bands + 1 values each */
    const int16_t *weight_starts;
    const int16_t *widths;
    const int16_t *weights; /* Q12 */
    const int16_t *unweights;

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
