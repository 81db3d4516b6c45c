/* Tables of the front end `spectrogram`; host/otolith/features/spectrogram.py computes them. */
#ifndef OTOLITH_SPECTROGRAM_H
#define OTOLITH_SPECTROGRAM_H

#include <stdint.h>

#include "rfft_q15.h"

typedef struct {
    const uint32_t *window; /* Q15 pairs */
    const rfft_q15_t *fft;
} spectrogram_tables_t;

#endif
