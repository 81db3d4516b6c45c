/* Front end `logmel`: TensorFlow Lite Micro's audio front end, with what Silicon Labs' MLTK adds.
 *
 * window samples -> `bands` values: TFLM's uint16, limited to 32767 (reached only without the log
 * scale or with log_shift above 10; with the usual shift of 6, 64 is a factor of e). DC notch
 * filter, Hann window, FFT, mel filter bank, square root, activity detection, noise reduction,
 * PCAN, log scale: each can be left out but window, FFT and filters.
 *
 * The integers are those of TFLM's functions; the constants come from its *Populate functions, run
 * on the computer (host/otolith/features/logmel.py), as they use floating point and libm. What it
 * computes in 64 bits is done here in halves of 16 bits where a factor allows. */
#include <stddef.h>
#include <string.h>

#include "features_registry.h"
#include "leading_zeros.h"
#include "logmel.h"
#include "root.h"

typedef struct {
    const logmel_tables_t *tables;
    uint16_t window, bands;
    int16_t notch_in, notch_out;    /* last sample, before and after */
    int32_t activity_a, activity_b; /* fast and slow mean of the energy */
    bool armed, tripped;
    uint32_t noise[LOGMEL_MAX_BANDS];
    union {
        pair_t samples[RFFT_KISS_MAX / 2];
        uint32_t energy[RFFT_KISS_MAX / 2 + 1];
    } in; /* the FFT takes the one and leaves the other */
    union {
        pair_t work[RFFT_KISS_MAX / 2];
        uint64_t sums[LOGMEL_MAX_BANDS + 1];
    } out;
    uint32_t signal[LOGMEL_MAX_BANDS];
} logmel_t;

_Static_assert(sizeof(logmel_t) <= sizeof(((features_t *)0)->state), "state too small");

static void reset(void *state) {
    logmel_t *m = state;
    m->notch_in = m->notch_out = 0;
    m->activity_a = m->activity_b = 0;
    m->armed = m->tripped = false;
    memset(m->noise, 0, sizeof m->noise);
}

static int init(void *state, const features_config_t *config) {
    logmel_t *m = state;
    const logmel_tables_t *t = config->tables;
    if (t == NULL || t->fft->points > RFFT_KISS_MAX || t->fft->points < config->window ||
        config->bands > LOGMEL_MAX_BANDS || t->end > t->fft->points / 2 + 1 ||
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

/* Two moving means of the energy, a fast and a slow one. The detector arms when the fast one
 * falls below the slow one, and trips when it rises above it. */
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

/* Write windowed samples and zeros after them to in.samples. Returns how far they can be shifted
 * up. */
static uint32_t apply_window(logmel_t *m, const pair_t *samples) {
    const pair_t *window = m->tables->window;
    const uint32_t pairs = (m->window + 1u) / 2, all = m->tables->fft->points / 2;
    pair_t *out = m->in.samples;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < pairs; i++) {
        const pair_t x = samples[i], w = window[i];
        const int32_t low = pair_low(x) * pair_low(w) >> 12;
        const int32_t high = pair_high(x) * pair_high(w) >> 12;
        bits |= (uint32_t)((low ^ low >> 31) - (low >> 31));
        bits |= (uint32_t)((high ^ high >> 31) - (high >> 31));
        out[i] = (uint32_t)high << 16 | (uint16_t)low;
    }
    for (uint32_t i = pairs; i < all; i++) {
        out[i] = 0;
    }
    /* TFLM ignores -32768, whose absolute value does not fit 16 bits */
    bits &= 0x7fff;
    return bits == 0 ? 15 : leading_zeros(bits) - 17;
}

/* energy[i] * weight[i] in total, and all energy. */
static uint64_t weighted(const uint32_t *energy, const uint16_t *weights, uint32_t count,
                         uint64_t *all) {
    uint64_t sum = 0, total = 0;
#ifdef __ARM_ARCH_6M__
    while (count > 0) {
        const uint32_t part = count < 16 ? count : 16; /* products below 2^28 */
        uint32_t low = 0, high = 0;
        for (uint32_t i = 0; i < part; i++) {
            const uint32_t e = energy[i], w = weights[i];
            low += (e & 0xffff) * w;
            high += (e >> 16) * w;
            total += e;
        }
        sum += low + ((uint64_t)high << 16);
        energy += part;
        weights += part;
        count -= part;
    }
#else
    for (uint32_t i = 0; i < count; i++) {
        sum += (uint64_t)energy[i] * weights[i];
        total += energy[i];
    }
#endif
    *all = total;
    return sum;
}

/* Energy of each band, as TFLM's filterbank computes it. */
static void filter_bank(logmel_t *m, const int16_t *samples) {
    const logmel_tables_t *t = m->tables;
    const uint32_t shift = apply_window(m, (const pair_t *)(const void *)samples);
    const uint32_t *energy = m->in.energy;
    rfft_kiss_energies(t->fft, m->in.samples, shift, m->out.work, t->start, t->end, m->in.energy);

    const uint16_t *weights = t->weights;
    uint64_t *sums = m->out.sums, carried = 0;
    uint32_t bin = t->start;
    for (uint32_t i = 0; i <= m->bands; i++) {
        const uint32_t count = t->spans[i];
        uint64_t all;
        const uint64_t sum = weighted(energy + bin, weights, count, &all);
        sums[i] = carried + sum;
        carried = (all << 12) - sum;
        bin += count;
        weights += count;
    }
    for (const int16_t *u = t->uneven; u[1] != 0; u += 3) {
        if (u[0] < m->bands) {
            sums[u[0] + 1] += (uint64_t)(energy[u[1]] * (int64_t)u[2]);
        }
    }
    for (uint32_t i = 0; i < m->bands; i++) {
        m->signal[i] = root_64(sums[i + 1]) >> shift;
    }
}

/* (a * b) >> shift, the lower 32 bits; shift 0..31 */
static inline uint32_t scaled(uint32_t a, uint32_t b, uint32_t shift) {
#ifdef __ARM_ARCH_6M__
    if (b >> 16 == 0) { /* always, unless the gain's interpolation leaves a value below 0 */
        const uint32_t high = (a >> 16) * b, low = (a & 0xffff) * b;
        return shift < 16 ? (high << (16 - shift)) + (low >> shift)
                          : (high + (low >> 16)) >> (shift - 16);
    }
#endif
    return (uint32_t)(((uint64_t)a * b) >> shift);
}

enum { NOISE_BITS = 14 };

/* TFLM's noise reduction of one band. */
static inline uint32_t denoised(const logmel_tables_t *t, uint32_t signal, uint32_t smoothing,
                                uint32_t *noise) {
    const uint32_t fresh = signal << t->smoothing_bits, old = *noise;
    const uint32_t keep = (1u << NOISE_BITS) - smoothing;
#ifdef __ARM_ARCH_6M__
    const uint32_t high = (fresh >> 16) * smoothing + (old >> 16) * keep;
    const uint32_t low = (fresh & 0xffff) * smoothing + (old & 0xffff) * keep;
    uint32_t estimate = (high << (16 - NOISE_BITS)) + (low >> NOISE_BITS);
#else
    uint32_t estimate =
        (uint32_t)(((uint64_t)fresh * smoothing + (uint64_t)old * keep) >> NOISE_BITS);
#endif
    *noise = estimate;
    estimate = estimate < fresh ? estimate : fresh;
    const uint32_t least = scaled(signal, t->min_signal_remaining, NOISE_BITS);
    const uint32_t rest = (fresh - estimate) >> t->smoothing_bits;
    return rest > least ? rest : least;
}

/* TFLM's gain as a function of the noise: a quadratic for each power of two. */
static inline uint32_t gain_for(uint32_t noise, const int16_t *lut) {
    if (noise <= 2) {
        return (uint32_t)lut[noise];
    }
    const uint32_t zeros = leading_zeros(noise);
    lut += 4 * (32 - zeros) - 6;
    const int32_t t = (int32_t)(noise << zeros << 1 >> 22);
    int32_t gain = (lut[2] * t >> 5) + lut[1] * 32;
    gain = (gain * t + (1 << 14)) >> 15;
    return (uint32_t)(int16_t)(gain + lut[0]);
}

enum { SNR_BITS = 12, PCAN_BITS = 6 };

static inline uint32_t shrunk(uint32_t x) {
    if (x < 2u << SNR_BITS) {
        return (x * x) >> (2 + 2 * SNR_BITS - PCAN_BITS);
    }
    return (x >> (SNR_BITS - PCAN_BITS)) - (1u << PCAN_BITS);
}

/* (log2(1 + i / 128) - i / 128) * 2^16. */
static const uint16_t log_table[130] = {
    0,    224,  442,  654,  861,  1063, 1259, 1450, 1636, 1817, 1992, 2163, 2329, 2490, 2646,
    2797, 2944, 3087, 3224, 3358, 3487, 3611, 3732, 3848, 3960, 4068, 4172, 4272, 4368, 4460,
    4549, 4633, 4714, 4791, 4864, 4934, 5001, 5063, 5123, 5178, 5231, 5280, 5326, 5368, 5408,
    5444, 5477, 5507, 5533, 5557, 5578, 5595, 5610, 5622, 5631, 5637, 5640, 5641, 5638, 5633,
    5626, 5615, 5602, 5586, 5568, 5547, 5524, 5498, 5470, 5439, 5406, 5370, 5332, 5291, 5249,
    5203, 5156, 5106, 5054, 5000, 4944, 4885, 4825, 4762, 4697, 4630, 4561, 4490, 4416, 4341,
    4264, 4184, 4103, 4020, 3935, 3848, 3759, 3668, 3575, 3481, 3384, 3286, 3186, 3084, 2981,
    2875, 2768, 2659, 2549, 2437, 2323, 2207, 2090, 1971, 1851, 1729, 1605, 1480, 1353, 1224,
    1094, 963,  830,  695,  559,  421,  282,  142,  0,    0,
};

/* TFLM's natural logarithm of x > 1, times 2^shift, rounded. */
static inline uint32_t natural_log(uint32_t x, uint32_t shift) {
    const uint32_t zeros = leading_zeros(x), whole = 31 - zeros;
    const uint32_t fraction = x << zeros << 1 >> 16; /* below 2^16 */
    const uint16_t *near = log_table + (fraction >> 9);
    const int32_t rise = (near[1] - near[0]) * (int32_t)(fraction & 511) >> 16;
    const uint32_t log2 = fraction + near[0] + (uint32_t)rise;
    const uint32_t log = 45426 * whole + ((45426 * log2 + 32768) >> 16); /* 2^16 ln 2 */
    return ((log << shift) + 32768) >> 16;
}

static void frame(void *state, const int16_t *samples, int16_t *out) {
    logmel_t *m = state;
    const logmel_tables_t *t = m->tables;
    filter_bank(m, samples);
    if (t->activity) {
        detect_activity(m, m->signal);
    }
    const int32_t correction = 32 - (int32_t)leading_zeros(t->fft->points) - 1 - 6;
    for (uint32_t i = 0; i < m->bands; i++) {
        uint32_t x = m->signal[i];
        if (t->noise_reduction) {
            x = denoised(t, x, i & 1 ? t->odd_smoothing : t->even_smoothing, &m->noise[i]);
        }
        if (t->gain_lut != NULL) {
            const uint32_t gain = gain_for(m->noise[i], t->gain_lut);
            x = shrunk(scaled(x, gain, (uint32_t)t->snr_shift));
        }
        if (t->log_scale) {
            x = correction < 0 ? x >> -correction : x << correction;
            x = x > 1 ? natural_log(x, t->log_shift) : 0;
        }
        out[i] = (int16_t)(x < INT16_MAX ? x : INT16_MAX);
    }
}

/* Noise and activity are estimated over all frames. */
static uint16_t lead(const features_config_t *config) {
    const logmel_tables_t *t = config->tables;
    return t->noise_reduction || t->activity ? FEATURES_EVERY : 0;
}

const features_frontend_t features_logmel = {
    .kind = "logmel",
    .init = init,
    .frame = frame,
    .reset = reset,
    .filter = filter,
    .active = active,
    .lead = lead,
};
