/* PDM bits -> PCM: decimation by 64, 1.024 MHz to 16 kHz, in integers.
 *
 * No function allocates or keeps anything outside its pdm_t: as many streams as there are states.
 */
#ifndef OTOLITH_PDM_H
#define OTOLITH_PDM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PDM_DECIMATION = 64, PDM_BYTES_PER_SAMPLE = PDM_DECIMATION / 8 };

/* State of one stream. The fields are the implementation's. */
typedef struct pdm pdm_t;

#include "pdm_state.h"

/* Begin a stream. Call before the others. */
void pdm_init(pdm_t *p);

/* Decimate samples * PDM_BYTES_PER_SAMPLE bytes of PDM.
 *
 * bits: bit 7 of byte 0 is the oldest; a 1 is positive full scale. pcm: gets `samples` values at
 * 16 kHz; a sine of full scale gives +-32767. samples: any number. Blocks follow one another
 * without a seam. */
void pdm_decimate(pdm_t *p, const uint8_t *bits, int16_t *pcm, uint32_t samples);

/* The same from 32-bit words, two for each sample, whose bit 31 is the oldest: what shift registers
 * give. */
void pdm_decimate_words(pdm_t *p, const uint32_t *words, int16_t *pcm, uint32_t samples);

#ifdef __cplusplus
}
#endif
#endif
