/* PDM bits -> PCM: decimation by 64 (1.024 MHz -> 16 kHz), integer only. */
#ifndef OTOLITH_PDM_H
#define OTOLITH_PDM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { PDM_DECIMATION = 64, PDM_BYTES_PER_SAMPLE = PDM_DECIMATION / 8 };

/* State of one stream; zeroed by pdm_init. Fields are the implementation's. */
typedef struct pdm pdm_t;

#include "pdm_state.h"

void pdm_init(pdm_t *p);

/* Decimate samples * 8 bytes of PDM to `samples` values of 16 kHz PCM. Bit 7 of byte 0 is the
 * oldest bit; a 1 bit is +full scale. Full-scale sine in (modulator limit aside) gives +-32767. */
void pdm_decimate(pdm_t *p, const uint8_t *bits, int16_t *pcm, uint32_t samples);

/* The same from 32-bit words, two a sample, whose bit 31 is the oldest: what shift registers give.
 */
void pdm_decimate_words(pdm_t *p, const uint32_t *words, int16_t *pcm, uint32_t samples);

#ifdef __cplusplus
}
#endif
#endif
