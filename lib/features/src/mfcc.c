/* Front end `mfcc`: CMSIS-DSP's arm_mfcc_q15, in the plain C arithmetic of the cmsisdsp wheel.
 *
 * window samples (Q15), zeros behind them up to the FFT length -> `bands` coefficients in q8.7
 * (one step is 1/128). Scaled to full range, windowed, real FFT, magnitude, mel filters, natural
 * logarithm, DCT-II with sqrt(2 / mels) for every coefficient (so number 0 is sqrt(2) times an
 * orthonormal DCT's). */
#include <stddef.h>
#include <string.h>

#include "dsp/transform_functions.h"

#include "features_registry.h"
#include "mfcc.h"

typedef struct {
    arm_mfcc_instance_q15 instance;
    uint16_t window;
    q15_t samples[MFCC_MAX_FFT];
    q31_t spectrum[MFCC_MAX_FFT]; /* Q15 pairs first, mel energies then */
} mfcc_t;

_Static_assert(sizeof(mfcc_t) <= sizeof(((features_t *)0)->state), "state too small");

static int init(void *state, const features_config_t *config) {
    mfcc_t *m = state;
    const mfcc_tables_t *t = config->tables;
    if (t == NULL || t->fft > MFCC_MAX_FFT || t->fft < config->window || t->mels == 0 ||
        t->mels > MFCC_MAX_MELS || config->bands > t->mels) {
        return -1;
    }
    m->window = config->window;
    /* What arm_mfcc_init_q15 and arm_rfft_init_q15 set up, with tables of this length. */
    m->instance = (arm_mfcc_instance_q15){
        .dctCoefs = t->dct,
        .filterCoefs = t->filters,
        .windowCoefs = t->window,
        .filterPos = t->filter_start,
        .filterLengths = t->filter_length,
        .fftLen = t->fft,
        .nbMelFilters = t->mels,
        .nbDctOutputs = config->bands,
        .rfft =
            {
                .fftLenReal = t->fft,
                .ifftFlagR = 0,
                .bitReverseFlagR = 1,
                .twidCoefRModifier = 1,
                .pTwiddleAReal = t->split_a,
                .pTwiddleBReal = t->split_b,
                .pCfft = t->cfft,
            },
    };
    return 0;
}

static void frame(void *state, const int16_t *samples, int16_t *out) {
    mfcc_t *m = state;
    memcpy(m->samples, samples, m->window * sizeof *samples);
    memset(m->samples + m->window, 0, (m->instance.fftLen - m->window) * sizeof *samples);
    (void)arm_mfcc_q15(&m->instance, m->samples, out, m->spectrum);
}

const features_frontend_t features_mfcc = {
    .kind = "mfcc",
    .init = init,
    .frame = frame,
};
