/* The microphone's volume in 1/256 dB, the unit of USB Audio 2.0 (5.2.5.7.2): -30 to 30 dB in steps
 * of 1 dB. */
#ifndef OTOLITH_VOLUME_H
#define OTOLITH_VOLUME_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { VOLUME_STEP = 256, VOLUME_SMALLEST = -30 * 256, VOLUME_LARGEST = 30 * 256 };

/* Returns the step nearest to `wanted`, which is in 1/256 dB; silence (-32768) gives the smallest.
 */
int16_t volume_nearest(int16_t wanted);

/* Amplify samples in place, rounded and saturated. 0 dB changes nothing.
 *
 * volume: what volume_nearest has returned. */
void volume_apply(int16_t volume, int16_t *pcm, uint32_t samples);

#ifdef __cplusplus
}
#endif
#endif
