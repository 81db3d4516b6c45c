/* Front end `spectrogram`: Hann window, real FFT, magnitude in Q15, as in Arm's fire-alarm article.
 *
 * 256 samples give 129 magnitudes, those that the cmsisdsp wheel computes. They are in 2.14: a
 * full-scale sine gives about 4096. */
#include <stddef.h>

#include "features_registry.h"
#include "spectrogram.h"

enum { WINDOW = 256, BANDS = WINDOW / 2 + 1 };

typedef struct {
    const spectrogram_tables_t *tables;
    uint32_t work[WINDOW + 1];
} spectrogram_t;

_Static_assert(sizeof(spectrogram_t) <= sizeof(((features_t *)0)->state), "state too small");

static int init(void *state, const features_config_t *config) {
    spectrogram_t *s = state;
    s->tables = config->tables;
    return s->tables != NULL && config->window == WINDOW && config->bands == BANDS ? 0 : -1;
}

static void frame(void *state, const int16_t *samples, int16_t *out) {
    spectrogram_t *s = state;
    const spectrogram_tables_t *t = s->tables;
    rfft_q15_magnitudes(t->fft, t->window, (const pair_t *)(const void *)samples, s->work, out);
}

/* A frame depends on its samples alone. */
static uint16_t lead(const features_config_t *config) {
    (void)config;
    return 0;
}

const features_frontend_t features_spectrogram = {
    .kind = "spectrogram",
    .init = init,
    .frame = frame,
    .lead = lead,
};
