#ifndef OTOLITH_PDM_TAPS_H
#define OTOLITH_PDM_TAPS_H

#include "pdm.h"

/* Minimax: the inverse of the boxes' droop to 7.15 kHz within 0.07 dB, 25-32 kHz below -62 dB.
 * Gain 65536 / 65280 at 2^14. Symmetric: the first six of eleven. */
extern const int32_t pdm_middle_taps[PDM_MIDDLE_TAPS / 2 + 1];

/* Minimax half-band: 0-7 kHz flat within 0.01 dB, 9-16 kHz below -65 dB. Every second tap is 0 but
 * the one in the centre, 2^12; symmetric: the first sixteen others. Sum 2^13. */
extern const int32_t pdm_last_taps[PDM_LAST_PAIRS];

#endif
