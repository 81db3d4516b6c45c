/* ADC counts -> PCM: decimation by 4, 64 kHz to 16 kHz, without the constant part, in integers. */
#ifndef OTOLITH_ADC_H
#define OTOLITH_ADC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
    ADC_DECIMATION = 4,
    ADC_HIGHEST = 4095, /* 12 bits */
};

/* State of one stream. The fields are the implementation's. */
typedef struct adc adc_t;

#include "adc_state.h"

/* Begin a stream. Call before the others. */
void adc_init_stream(adc_t *a);

/* Decimate samples * ADC_DECIMATION counts.
 *
 * counts: 0 to ADC_HIGHEST. pcm: gets `samples` values at 16 kHz; a sine over the whole range gives
 * about +-32767. The first count stands for silence before it, so the microphone's bias does not
 * show. samples: any number. Blocks follow one another without a seam. */
void adc_decimate(adc_t *a, const uint16_t *counts, int16_t *pcm, uint32_t samples);

/* The same for counts of 16 bits, 0 to 65535. A stream has counts of one size. */
void adc16_decimate(adc_t *a, const uint16_t *counts, int16_t *pcm, uint32_t samples);

#ifdef __cplusplus
}
#endif
#endif
