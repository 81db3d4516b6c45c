/* The modulator of a virtual PDM microphone: 16 kHz PCM to 64 bits a sample. */
#ifndef OTOLITH_PDM_MODULATOR_H
#define OTOLITH_PDM_MODULATOR_H

#include <stdint.h>

enum { PDM_MODULATOR_TAPS = 48, PDM_MODULATOR_BITS = 64 };

typedef struct {
    double history[48]; /* samples, the newest first */
    double error[4];    /* of the quantiser, the newest first */
    double shaped[4];
    uint32_t seed;
} pdm_modulator_t;

/* Sets up what both functions below continue. */
void pdm_modulator_init(pdm_modulator_t *m);

/* pcm: `samples` samples; bits: gets 64 bytes a sample, each 0 or 1, the oldest first. */
void pdm_modulator_run(pdm_modulator_t *m, const int16_t *pcm, uint32_t samples, uint8_t *bits);

/* The sound between its samples. values: gets 64 a sample, -1 to 1. */
void pdm_modulator_values(pdm_modulator_t *m, const int16_t *pcm, uint32_t samples, double *values);

#endif
