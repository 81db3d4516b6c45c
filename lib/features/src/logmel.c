/* Front end `logmel`: TensorFlow Lite Micro's audio front end, with what Silicon Labs' MLTK adds.
 *
 * window samples -> `bands` values: TFLM's uint16, limited to 32767 (reached only without the log
 * scale or with log_shift above 10; with the usual shift of 6, 64 is a factor of e). DC notch
 * filter, Hann window, FFT, mel filter bank, square root, activity detection, noise reduction,
 * PCAN, log scale: each can be left out but window, FFT and filters.
 *
 * No heap, no floating point: TFLM's *Populate functions allocate and compute with float and libm,
 * whose last bit differs between C libraries. They run on the computer instead; this file fills
 * TFLM's structs with pointers to the constants that came out (logmel.h) and to a state of fixed
 * size. A bump allocator for the Populate functions would need libm, double arithmetic and 6 kB
 * more RAM on the chip. */
#include <stddef.h>
#include <string.h>

#include "kiss_fftr.h"
#include "tensorflow/lite/experimental/microfrontend/lib/bits.h"
#include "tensorflow/lite/experimental/microfrontend/lib/filterbank.h"
#include "tensorflow/lite/experimental/microfrontend/lib/log_scale.h"
#include "tensorflow/lite/experimental/microfrontend/lib/noise_reduction.h"
#include "tensorflow/lite/experimental/microfrontend/lib/pcan_gain_control.h"
#include "tensorflow/lite/experimental/microfrontend/lib/window.h"

#include "features_registry.h"
#include "logmel.h"

/* kissfft's struct kiss_fftr_state, which its header keeps to itself; the sources are pinned. */
typedef struct {
    const void *half;
    void *buffer;
    const void *super_twiddles;
} real_fft_t;

typedef struct {
    const logmel_tables_t *tables;
    uint16_t window, bands;
    int16_t notch_in, notch_out;    /* last sample, before and after */
    int32_t activity_a, activity_b; /* fast and slow mean of the energy */
    bool armed, tripped;
    uint32_t noise[LOGMEL_MAX_BANDS];
    union {
        uint64_t sums[LOGMEL_MAX_BANDS + 1];
        int16_t samples[LOGMEL_MAX_FFT];
    } work;                                                  /* samples until the FFT, then sums */
    struct complex_int16_t spectrum[LOGMEL_MAX_FFT / 2 + 4]; /* filters read up to 3 bins too far */
    int32_t buffer[LOGMEL_MAX_FFT / 2];
} logmel_t;

_Static_assert(sizeof(logmel_t) <= sizeof(((features_t *)0)->state), "state too small");

static void reset(void *state) {
    logmel_t *m = state;
    m->notch_in = m->notch_out = 0;
    m->activity_a = m->activity_b = 0;
    m->armed = m->tripped = false;
    memset(m->noise, 0, sizeof m->noise);
    memset(m->spectrum, 0, sizeof m->spectrum);
}

static int init(void *state, const features_config_t *config) {
    logmel_t *m = state;
    const logmel_tables_t *t = config->tables;
    if (t == NULL || t->fft > LOGMEL_MAX_FFT || t->fft < config->window ||
        config->bands > LOGMEL_MAX_BANDS || t->end > t->fft / 2 + 1 ||
        (t->gain_lut != NULL && !t->noise_reduction)) {
        return -1;
    }
    m->tables = t;
    m->window = config->window;
    m->bands = config->bands;
    reset(m);
    return 0;
}

/* H(z) = (1 - z^-1) / (1 - k z^-1) on the stream; wraps at 16 bits, as MLTK's does. */
static void filter(void *state, int16_t *samples, uint32_t count) {
    logmel_t *m = state;
    const int32_t k = m->tables->notch;
    if (k == 0) {
        return;
    }
    int16_t in = m->notch_in, out = m->notch_out;
    for (uint32_t i = 0; i < count; i++) {
        const int16_t step = (int16_t)(samples[i] - in);
        in = samples[i];
        out = (int16_t)(step + ((((k * out) >> 14) + 1) >> 1));
        samples[i] = out;
    }
    m->notch_in = in;
    m->notch_out = out;
}

/* (1 - k) * in + k * out, k in Q8 */
static int32_t one_pole(int32_t in, int32_t out, int16_t k) {
    const int64_t sum = (int64_t)(256 - k) * in + (int64_t)k * out;
    return (int32_t)(((sum >> 7) + 1) >> 1);
}

/* Two means of the energy, a fast and a slow one: a fall of the fast below the slow arms, a rise
 * trips. */
static void detect_activity(logmel_t *m, const uint32_t *signal) {
    const logmel_tables_t *t = m->tables;
    uint32_t energy = 0;
    for (uint32_t i = 0; i < m->bands; i++) {
        energy += signal[i];
    }
    const int32_t in = (int32_t)(energy >> t->activity_scale);
    m->activity_a = one_pole(in, m->activity_a, t->activity_alpha_a);
    m->activity_b = one_pole(in, m->activity_b, t->activity_alpha_b);
    const int16_t threshold = m->armed ? t->trip_threshold : t->arm_threshold;
    const int32_t limit = (int32_t)(((int64_t)m->activity_b * threshold) >> 12);
    if (!m->armed) {
        m->armed = m->activity_a < limit;
    } else if (m->activity_a > limit) {
        m->armed = false;
        m->tripped = true;
    }
}

static bool active(void *state) {
    logmel_t *m = state;
    const bool tripped = m->tripped;
    m->tripped = false;
    return tripped;
}

/* Energy of each band, from the samples in work. */
static uint32_t *filter_bank(logmel_t *m, const int16_t *samples) {
    const logmel_tables_t *t = m->tables;
    int16_t *work = m->work.samples;
    size_t read;
    /* TFLM's window of a buffer that is full already and moves by its whole length, so that the
     * samples are only read */
    struct WindowState window = {
        .size = m->window,
        .coefficients = (int16_t *)(uintptr_t)t->window,
        .step = m->window,
        .input = (int16_t *)(uintptr_t)samples,
        .input_used = m->window,
        .output = work,
    };
    (void)WindowProcessSamples(&window, samples, 0, &read);

    /* What TFLM's FftCompute does (fft.cc, C++): to full scale, zeros behind, real FFT. */
    const int shift = 15 - MostSignificantBit32((uint32_t)window.max_abs_output_value);
    for (uint32_t i = 0; i < m->window; i++) {
        work[i] = (int16_t)((uint16_t)work[i] << shift);
    }
    memset(work + m->window, 0, (t->fft - m->window) * sizeof *work);
    real_fft_t fft = {t->half, m->buffer, t->super_twiddles};
    kiss_fftr((kiss_fftr_cfg)(void *)&fft, work, (kiss_fft_cpx *)(void *)m->spectrum);

    struct FilterbankState bank = {
        .num_channels = m->bands,
        .start_index = t->start,
        .end_index = t->end,
        .channel_frequency_starts = (int16_t *)(uintptr_t)t->frequency_starts,
        .channel_weight_starts = (int16_t *)(uintptr_t)t->weight_starts,
        .channel_widths = (int16_t *)(uintptr_t)t->widths,
        .weights = (int16_t *)(uintptr_t)t->weights,
        .unweights = (int16_t *)(uintptr_t)t->unweights,
        .work = m->work.sums,
    };
    int32_t *energy = (int32_t *)(void *)m->spectrum;
    FilterbankConvertFftComplexToEnergy(&bank, m->spectrum, energy);
    FilterbankAccumulateChannels(&bank, energy);
    return FilterbankSqrt(&bank, shift);
}

static void frame(void *state, const int16_t *samples, int16_t *out) {
    logmel_t *m = state;
    const logmel_tables_t *t = m->tables;
    uint32_t *signal = filter_bank(m, samples);
    if (t->activity) {
        detect_activity(m, signal);
    }
    if (t->noise_reduction) {
        struct NoiseReductionState noise = {
            .smoothing_bits = t->smoothing_bits,
            .even_smoothing = t->even_smoothing,
            .odd_smoothing = t->odd_smoothing,
            .min_signal_remaining = t->min_signal_remaining,
            .num_channels = m->bands,
            .estimate = m->noise,
        };
        NoiseReductionApply(&noise, signal);
    }
    if (t->gain_lut != NULL) {
        struct PcanGainControlState pcan = {
            .enable_pcan = 1,
            .noise_estimate = m->noise,
            .num_channels = m->bands,
            .gain_lut = (int16_t *)(uintptr_t)t->gain_lut,
            .snr_shift = t->snr_shift,
        };
        PcanGainControlApply(&pcan, signal);
    }
    struct LogScaleState log_scale = {t->log_scale, t->log_shift};
    const int correction = MostSignificantBit32(t->fft) - 1 - kFilterbankBits / 2;
    const uint16_t *values = LogScaleApply(&log_scale, signal, m->bands, correction);
    for (uint32_t i = 0; i < m->bands; i++) {
        out[i] = (int16_t)(values[i] < INT16_MAX ? values[i] : INT16_MAX);
    }
}

const features_frontend_t features_logmel = {
    .kind = "logmel",
    .init = init,
    .frame = frame,
    .reset = reset,
    .filter = filter,
    .active = active,
};
