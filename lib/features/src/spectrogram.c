/* Front end `spectrogram`: Hann window, real FFT, magnitude in Q15, as in Arm's fire-alarm article.
 *
 * 256 samples -> 129 magnitudes (2.14: a full-scale sine gives about 4096). The arithmetic is
 * CMSIS-DSP's plain C, which is what the cmsisdsp wheel computes. */
#include <string.h>

#include "arm_const_structs.h"
#include "dsp/basic_math_functions.h"
#include "dsp/complex_math_functions.h"
#include "dsp/transform_functions.h"

#include "features_registry.h"
#include "spectrogram_tables.h"

enum { WINDOW = 256, BANDS = WINDOW / 2 + 1 };

typedef struct {
    q15_t windowed[WINDOW];
    q15_t spectrum[2 * WINDOW]; /* arm_rfft_q15 writes the mirrored half too */
} spectrogram_t;

_Static_assert(sizeof(spectrogram_t) <= sizeof(((features_t *)0)->state), "state too small");

static int init(void *state, const features_config_t *config) {
    (void)state;
    return config->window == WINDOW && config->bands == BANDS ? 0 : -1;
}

static void frame(void *state, const int16_t *samples, int16_t *out) {
    spectrogram_t *s = state;
    /* What arm_rfft_init_256_q15 sets up, with tables of this length. */
    const arm_rfft_instance_q15 rfft = {
        .fftLenReal = WINDOW,
        .ifftFlagR = 0,
        .bitReverseFlagR = 1,
        .twidCoefRModifier = 1,
        .pTwiddleAReal = spectrogram_split_a,
        .pTwiddleBReal = spectrogram_split_b,
        .pCfft = &arm_cfft_sR_q15_len128,
    };
    arm_mult_q15(samples, spectrogram_hann, s->windowed, WINDOW);
    arm_rfft_q15(&rfft, s->windowed, s->spectrum);
    arm_cmplx_mag_q15(s->spectrum, out, BANDS);
}

const features_frontend_t features_spectrogram = {
    .kind = "spectrogram",
    .init = init,
    .frame = frame,
};
