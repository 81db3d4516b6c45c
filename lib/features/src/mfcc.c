/* Front end `mfcc`: CMSIS-DSP's arm_mfcc_q15 in the plain C arithmetic of the cmsisdsp wheel.
 *
 * A window of Q15 samples, padded with zeros to the FFT's length, gives `bands` coefficients in
 * q8.7 (one step is 1/128). The stages are: scaling to full range, window, real FFT, magnitude,
 * mel filters, natural logarithm, DCT-II. The DCT scales every coefficient by sqrt(2 / mels), so
 * number 0 is sqrt(2) times that of an orthonormal DCT. */
#include <stddef.h>
#include <string.h>

#include "features_registry.h"
#include "leading_zeros.h"
#include "log_q31.h"
#include "mfcc.h"

enum {
    LN_2 = 46516320,   /* 2^26 * ln 2, rounded as arm_mfcc_q15 does */
    FILTER_SHIFT = 10, /* bits a filter's sum is shifted down by, after FILTER_ROUND */
    FILTER_ROUND = 0x219,
};

typedef struct {
    const mfcc_tables_t *tables;
    uint16_t window, bands;
    pair_t samples[RFFT_Q15_MAX / 2]; /* at full range; magnitudes then */
    uint32_t work[RFFT_Q15_MAX + 1];
    pair_t even[MFCC_MAX_MELS / 4], odd[MFCC_MAX_MELS / 4];
} mfcc_t;

_Static_assert(sizeof(mfcc_t) <= sizeof(((features_t *)0)->state), "state too small");

static int init(void *state, const features_config_t *config) {
    mfcc_t *m = state;
    const mfcc_tables_t *t = config->tables;
    if (t == NULL || t->fft->points > RFFT_Q15_MAX || t->fft->points < config->window ||
        t->mels == 0 || t->mels > MFCC_MAX_MELS || config->bands > t->mels) {
        return -1;
    }
    m->tables = t;
    m->window = config->window;
    m->bands = config->bands;
    return 0;
}

/* Largest absolute value, 32767 at most. */
static uint32_t peak(const int16_t *samples, uint32_t count) {
    int32_t low = 0, high = 0;
    for (uint32_t i = 0; i < count; i++) {
        const int32_t x = samples[i];
        if (x < low) {
            low = x;
        } else if (x > high) {
            high = x;
        }
    }
    high = -low > high ? -low : high;
    return (uint32_t)(high < INT16_MAX ? high : INT16_MAX);
}

/* Samples times 32767 / largest, rounded as arm_divide_q15 and arm_scale_q15 do, then zeros. */
static void to_full_range(mfcc_t *m, const int16_t *samples, uint32_t largest) {
    int16_t *out = (int16_t *)(void *)m->samples;
    const uint32_t points = m->tables->fft->points;
    if (largest == 0 || largest == INT16_MAX) {
        memcpy(out, samples, m->window * sizeof *samples);
    } else {
        uint32_t factor = ((uint32_t)INT16_MAX << 15) / largest;
        const uint32_t shift = 17 - leading_zeros(factor);
        factor >>= shift;
        for (uint32_t i = 0; i < m->window; i++) {
            out[i] = (int16_t)(samples[i] * (int32_t)factor >> (15 - shift));
        }
    }
    memset(out + m->window, 0, (points - m->window) * sizeof *out);
}

/* The sum of one filter without to_full_range's scaling; below 2^31. */
static uint32_t energy(const int16_t *bins, const int16_t *weights, uint32_t count,
                       uint32_t largest) {
    uint64_t sum = FILTER_ROUND;
    for (uint32_t i = 0; i < count; i++) {
        sum += (uint32_t)(bins[i] * weights[i]);
    }
    sum >>= FILTER_SHIFT;
    const uint32_t limit = 0x3fffffff; /* 31 bits with sign */
    const uint32_t x = sum < limit ? (uint32_t)sum : limit;
    if (largest == 0 || largest == INT16_MAX) {
        return x;
    }
    return ((x >> 16) * largest + ((x & 0xffff) * largest >> 16)) << 1;
}

static int32_t dot(const pair_t *a, const pair_t *b, uint32_t pairs) {
    int32_t sum = 0;
    for (uint32_t i = 0; i < pairs; i++) {
        sum += pair_low(a[i]) * pair_low(b[i]) + pair_high(a[i]) * pair_high(b[i]);
    }
    return sum;
}

/* logs: mels values from -976 to 1863, so the sum of their products with cosines fits 30 bits. */
static void dct(mfcc_t *m, const int16_t *logs, int16_t *out) {
    const uint32_t mels = m->tables->mels, half = (mels + 1) / 2, pairs = (half + 1) / 2;
    int16_t *even = (int16_t *)(void *)m->even, *odd = (int16_t *)(void *)m->odd;
    even[2 * pairs - 1] = odd[2 * pairs - 1] = 0;
    for (uint32_t i = 0; i < half; i++) {
        const int32_t a = logs[i], b = logs[mels - 1 - i];
        even[i] = (int16_t)(a + b);
        odd[i] = (int16_t)(a - b);
    }
    if (mels & 1) {
        even[half - 1] = logs[half - 1];
    }
    const uint32_t *row = m->tables->dct;
    for (uint32_t k = 0; k < m->bands; k++, row += pairs) {
        out[k] = (int16_t)(dot(k & 1 ? m->odd : m->even, row, pairs) >> 15);
    }
}

static void frame(void *state, const int16_t *samples, int16_t *out) {
    mfcc_t *m = state;
    const mfcc_tables_t *t = m->tables;
    int16_t *bins = (int16_t *)(void *)m->samples, logs[MFCC_MAX_MELS];
    const uint32_t largest = peak(samples, m->window);
    to_full_range(m, samples, largest);
    rfft_q15_magnitudes(t->fft, t->window, m->samples, m->work, bins);
    const uint32_t doublings = 31 - leading_zeros(t->fft->points) + 2 + FILTER_SHIFT;
    const int16_t *weights = t->filters;
    for (uint32_t i = 0; i < t->mels; i++) {
        const uint32_t length = t->filter_length[i];
        const uint32_t x = energy(bins + t->filter_start[i], weights, length, largest);
        logs[i] = (int16_t)log_q31_to_q7(x, doublings * LN_2);
        weights += length;
    }
    dct(m, logs, out);
}

/* A frame depends on its samples alone. */
static uint16_t lead(const features_config_t *config) {
    (void)config;
    return 0;
}

const features_frontend_t features_mfcc = {
    .kind = "mfcc",
    .init = init,
    .frame = frame,
    .lead = lead,
};
