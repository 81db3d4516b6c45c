/* Magnitudes of a Q15 spectrum: what arm_cmplx_mag_q15 gives. */
#ifndef OTOLITH_MAGNITUDE_H
#define OTOLITH_MAGNITUDE_H

#include <stdint.h>

/* out[i] = sqrt(energy[i] / 2) for energies up to 2^30, each half the sum of two squared Q15
 * numbers. The result is the upper half of arm_sqrt_q31's: the floor but for a few values. */
void magnitudes(const uint32_t *energy, int16_t *out, uint32_t count);

#endif
