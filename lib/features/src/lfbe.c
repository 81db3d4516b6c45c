/* Front end `lfbe`: log filter-bank energies of MLPerf Tiny's streaming wake word.
 *
 * A frame looks at the newest hop of 512 samples and the one before it, which is silence at first.
 * Pre-emphasis 1 - 31/32 z^-1, Hamming window, real FFT of 1024 points, power, mel filters,
 * logarithm: 10 log10(power / 1024) from -52 dB to 12 dB become 0 to 4096.
 *
 * Numbers keep 32 bits up to the power, so that quiet bands beside loud ones stay right. Nothing
 * is scaled in between: windowed samples times 32 are below 2^21, and no sum of the FFT exceeds
 * 2^21 times the window's sum over pairs, 2^21 * 391 < 2^31. */
#include "lfbe.h"

#include <stddef.h>
#include <string.h>

#include "features_registry.h"
#include "leading_zeros.h"

enum {
    POINTS = LFBE_HOP, /* of the complex FFT */
    FULL = 4096,       /* the largest value of a band */
    LOWEST = 2144729,  /* 2^16 * log2 of the power of -52 dB: 50 - 52 / (10 log10(2)) */
    SLOPE = 12330,     /* 2^6 * FULL / 64 dB * 10 log10(2) */
};

typedef struct __attribute__((may_alias)) {
    int32_t re, im;
} complex_t;

typedef struct {
    const lfbe_tables_t *tables;
    uint16_t bands;
    int16_t before;         /* the sample before `past` */
    int16_t past[LFBE_HOP]; /* the hop before the newest */
} lfbe_t;

_Static_assert(sizeof(lfbe_t) <= sizeof(((features_t *)0)->state), "state too small");
_Static_assert(sizeof(complex_t) == sizeof(uint64_t), "they share the work");

static void reset(void *state) {
    lfbe_t *m = state;
    m->before = 0;
    memset(m->past, 0, sizeof m->past);
}

static int init(void *state, const features_config_t *config) {
    lfbe_t *m = state;
    const lfbe_tables_t *t = config->tables;
    if (t == NULL || t->work == NULL || config->window != LFBE_HOP || config->hop != LFBE_HOP ||
        config->bands > LFBE_MAX_BANDS) {
        return -1;
    }
    uint32_t bins = 0;
    for (uint32_t i = 0; i <= config->bands; i++) {
        bins += t->spans[i];
    }
    if (bins != POINTS - 1) {
        return -1;
    }
    m->tables = t;
    m->bands = config->bands;
    reset(m);
    return 0;
}

/* a * b / 2^16 rounded down, b the low or the high half of a word. */
#ifdef __ARM_FEATURE_DSP
static inline int32_t times_low(int32_t a, pair_t b) {
    int32_t x;
    __asm("smulwb %0, %1, %2" : "=r"(x) : "r"(a), "r"(b));
    return x;
}

static inline int32_t times_high(int32_t a, pair_t b) {
    int32_t x;
    __asm("smulwt %0, %1, %2" : "=r"(x) : "r"(a), "r"(b));
    return x;
}
#elif defined(__ARM_ARCH_6M__)
static inline int32_t times(int32_t a, int32_t b) {
    return (a >> 16) * b + ((int32_t)((uint32_t)a & 0xffff) * b >> 16);
}

static inline int32_t times_low(int32_t a, pair_t b) {
    return times(a, pair_low(b));
}

static inline int32_t times_high(int32_t a, pair_t b) {
    return times(a, pair_high(b));
}
#else
static inline int32_t times_low(int32_t a, pair_t b) {
    return (int32_t)((int64_t)a * pair_low(b) >> 16);
}

static inline int32_t times_high(int32_t a, pair_t b) {
    return (int32_t)((int64_t)a * pair_high(b) >> 16);
}
#endif

/* z times (cos - i sin). */
static inline complex_t turned(complex_t z, pair_t turn) {
    const int32_t re = times_low(z.re, turn) + times_high(z.im, turn);
    const int32_t im = times_low(z.im, turn) - times_high(z.re, turn);
    return (complex_t){re * 2, im * 2};
}

/* A sample with pre-emphasis and window, times 32. */
static inline int32_t windowed(int32_t x, int32_t before, uint16_t weight) {
    return times_low((32 * x - 31 * before) * 2, weight);
}

/* Samples 2n and 2n + 1 of both hops as a complex number, n a place in one hop: x has its samples,
 * before the one before them, and w their weights. */
static inline complex_t loaded(const int16_t *x, int32_t before, uint16_t even, uint16_t odd) {
    return (complex_t){windowed(x[0], before, even), windowed(x[1], x[0], odd)};
}

/* Number n of the FFT's input. */
static inline complex_t input(const lfbe_t *m, const int16_t *samples, uint32_t n) {
    const uint16_t *w = m->tables->window;
    if (n < POINTS / 2) {
        const int16_t *x = m->past + 2 * n;
        return loaded(x, n == 0 ? m->before : x[-1], w[2 * n], w[2 * n + 1]);
    }
    const uint32_t at = 2 * n - LFBE_HOP, mirror = LFBE_HOP - 1 - at;
    const int16_t *x = samples + at;
    return loaded(x, at == 0 ? m->past[LFBE_HOP - 1] : x[-1], w[mirror], w[mirror - 1]);
}

/* The first two stages, which need no multiplication. */
static void load(const lfbe_t *m, const int16_t *samples, complex_t *z) {
    for (uint32_t i = 0; i < POINTS / 4; i++, z += 4) {
        const uint32_t n = m->tables->order[i];
        const complex_t p = input(m, samples, n), q = input(m, samples, n + POINTS / 2);
        const complex_t r = input(m, samples, n + POINTS / 4);
        const complex_t s = input(m, samples, n + 3 * POINTS / 4);
        const complex_t a = {p.re + q.re, p.im + q.im}, b = {p.re - q.re, p.im - q.im};
        const complex_t c = {r.re + s.re, r.im + s.im}, d = {r.re - s.re, r.im - s.im};
        z[0] = (complex_t){a.re + c.re, a.im + c.im};
        z[1] = (complex_t){b.re + d.im, b.im - d.re};
        z[2] = (complex_t){a.re - c.re, a.im - c.im};
        z[3] = (complex_t){b.re - d.im, b.im + d.re};
    }
}

static inline void butterfly(complex_t *z, uint32_t half, complex_t t) {
    const complex_t a = z[0];
    z[0] = (complex_t){a.re + t.re, a.im + t.im};
    z[half] = (complex_t){a.re - t.re, a.im - t.im};
}

/* times -i */
static inline complex_t quarter(complex_t z) {
    return (complex_t){z.im, -z.re};
}

/* A stage of radix 2 over halves of `half` numbers. */
static void stage(complex_t *z, uint32_t half, const pair_t *turns) {
    const uint32_t step = POINTS / half, middle = half / 2;
    for (uint32_t i = 0; i < POINTS; i += 2 * half) {
        butterfly(z + i, half, z[i + half]);
        butterfly(z + i + middle, half, quarter(z[i + middle + half]));
    }
    for (uint32_t j = 1; j < middle; j++) {
        const pair_t turn = turns[j * step];
        for (uint32_t i = j; i < POINTS; i += 2 * half) {
            butterfly(z + i, half, turned(z[i + half], turn));
            const complex_t far = turned(z[i + middle + half], turn);
            butterfly(z + i + middle, half, quarter(far));
        }
    }
}

static inline uint64_t power(int32_t re, int32_t im) {
    return (uint64_t)((int64_t)re * re + (int64_t)im * im) >> 12;
}

/* The power of bins 1 .. POINTS - 1 of the real FFT, over 2^12, in place. */
static void powers(uint64_t *work, const pair_t *turns) {
    complex_t *z = (complex_t *)work;
    for (uint32_t k = 1; k < POINTS / 2; k++) {
        const complex_t a = z[k], b = z[POINTS - k];
        const complex_t even = {(a.re + b.re) >> 1, (a.im - b.im) >> 1};
        const complex_t odd = {(a.re - b.re) >> 1, (a.im + b.im) >> 1};
        const complex_t t = quarter(turned(odd, turns[k]));
        work[k] = power(even.re + t.re, even.im + t.im);
        work[POINTS - k] = power(even.re - t.re, even.im - t.im);
    }
    const complex_t middle = z[POINTS / 2];
    work[POINTS / 2] = power(middle.re, middle.im);
}

/* round(2^16 * log2(1 + i / 64)) */
static const uint32_t logs[65] = {
    0,     1466,  2909,  4331,  5732,  7112,  8473,  9814,  11136, 12440, 13727, 14996, 16248,
    17484, 18704, 19909, 21098, 22272, 23433, 24579, 25711, 26830, 27936, 29029, 30109, 31178,
    32234, 33279, 34312, 35334, 36346, 37346, 38336, 39316, 40286, 41246, 42196, 43137, 44068,
    44990, 45904, 46809, 47705, 48593, 49472, 50344, 51207, 52063, 52911, 53751, 54584, 55410,
    56229, 57040, 57845, 58643, 59434, 60219, 60997, 61769, 62534, 63294, 64047, 64794, 65536,
};

/* A filter's sum, 2^50 times the mean power, as a value of a band. */
static int16_t decibels(uint64_t sum) {
    const uint32_t upper = (uint32_t)(sum >> 32);
    if (upper == 0) {
        return 0; /* below -52 dB */
    }
    const uint32_t zeros = leading_zeros(upper);
    const uint32_t mantissa = (uint32_t)(sum << zeros >> 32) << 1; /* without the leading one */
    const uint32_t i = mantissa >> 26, place = mantissa << 6 >> 16;
    const uint32_t log2 =
        ((63 - zeros) << 16) + logs[i] + (((logs[i + 1] - logs[i]) * place + 32768) >> 16);
    if (log2 <= LOWEST) {
        return 0;
    }
    const uint32_t above = (log2 - LOWEST) >> 3; /* below 2^18: the sum is below 2^61 */
    const uint32_t value = (above * SLOPE + (1u << 18)) >> 19;
    return (int16_t)(value < FULL ? value : FULL);
}

static void frame(void *state, const int16_t *samples, int16_t *out) {
    lfbe_t *m = state;
    const lfbe_tables_t *t = m->tables;
    uint64_t *work = t->work;
    load(m, samples, (complex_t *)work);
    for (uint32_t half = 4; half < POINTS; half *= 2) {
        stage((complex_t *)work, half, t->turns);
    }
    powers(work, t->turns);

    uint64_t carried = 0;
    const uint16_t *weights = t->weights;
    const uint64_t *bins = work + 1;
    for (uint32_t i = 0; i <= m->bands; i++) {
        uint64_t rising = 0, all = 0;
        for (uint32_t count = t->spans[i]; count > 0; count--) {
            const uint64_t p = *bins++;
            rising += p * *weights++;
            all += p;
        }
        if (i > 0) {
            out[i - 1] = decibels(carried + (all << 12) - rising);
        }
        carried = rising;
    }
    m->before = m->past[LFBE_HOP - 1];
    memcpy(m->past, samples, sizeof m->past);
}

/* A frame needs the hop before it and the sample before that. */
static uint16_t lead(const features_config_t *config) {
    (void)config;
    return 2;
}

const features_frontend_t features_lfbe = {
    .kind = "lfbe",
    .init = init,
    .frame = frame,
    .reset = reset,
    .lead = lead,
};
