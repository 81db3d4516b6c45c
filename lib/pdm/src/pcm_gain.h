/* Gain of PCM in whole decibels. The product saturates, it never wraps. */
#ifndef OTOLITH_PCM_GAIN_H
#define OTOLITH_PCM_GAIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    PCM_GAIN_LOWEST = -40,  /* dB */
    PCM_GAIN_HIGHEST = 60,  /* dB */
    PCM_GAIN_ONE = 1 << 12, /* the factor of 0 dB */
};

/* The factor of `db` decibels, PCM_GAIN_LOWEST to PCM_GAIN_HIGHEST, in units of 1 / PCM_GAIN_ONE.
 * It is exact within 0.1 dB. */
uint32_t pcm_gain_factor(int32_t db);

/* Multiply `samples` values by factor / PCM_GAIN_ONE, rounded and saturated. */
void pcm_gain(int16_t *pcm, uint32_t samples, uint32_t factor);

#ifdef __cplusplus
}
#endif
#endif
