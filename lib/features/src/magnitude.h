/* Magnitudes of a Q15 spectrum: what arm_cmplx_mag_q15 gives. */
#ifndef OTOLITH_MAGNITUDE_H
#define OTOLITH_MAGNITUDE_H

#include <stdint.h>

/* sqrt(energy[i] / 2) for energies up to 2^30, half the sum of two squared Q15 numbers: the upper
 * half of what arm_sqrt_q31 gives, all but exactly its floor. */
void magnitudes(const uint32_t *energy, int16_t *out, uint32_t count);

#endif
