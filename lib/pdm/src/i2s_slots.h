/* Words of an I2S bus -> PCM: 24 bits to 16, without the constant part, with a gain. */
#ifndef OTOLITH_I2S_SLOTS_H
#define OTOLITH_I2S_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* State of one stream. */
typedef struct {
    int64_t mean; /* of the samples, times 2^9 */
    bool started;
} i2s_slots_t;

/* Begin a stream. Call before the other. */
void i2s_slots_init(i2s_slots_t *s);

/* Convert `samples` words.
 *
 * slots: the first word; bits 31 to 8 are a sample of 24 bits, two's complement. stride: words from
 * one sample to the next, 2 where both slots of a frame are kept. late: bits before the sample's
 * first one, 0 or 1. factor: the gain (pcm_gain.h), applied to all 24 bits. pcm: gets the samples,
 * rounded and saturated. */
void i2s_slots_to_pcm(i2s_slots_t *s, const uint32_t *slots, uint32_t stride, uint32_t late,
                      uint32_t factor, int16_t *pcm, uint32_t samples);

#ifdef __cplusplus
}
#endif
#endif
