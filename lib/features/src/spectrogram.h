/* Front end `spectrogram`: what host/otolith/features/spectrogram.py writes for it. */
#ifndef OTOLITH_SPECTROGRAM_H
#define OTOLITH_SPECTROGRAM_H

#include <stdint.h>

#include "rfft_q15.h"

/* Constant. */
typedef struct {
    const uint32_t *window; /* Q15 pairs */
    const rfft_q15_t *fft;
} spectrogram_tables_t;

#endif
