#ifndef OTOLITH_SPECTROGRAM_TABLES_H
#define OTOLITH_SPECTROGRAM_TABLES_H

#include <stdint.h>

extern const int16_t spectrogram_hann[256];    /* Q15 window */
extern const int16_t spectrogram_split_a[256]; /* Q15 (re, im) pairs for arm_rfft_q15 */
extern const int16_t spectrogram_split_b[256];

#endif
