/* A real FFT with the rounding of CMSIS-DSP's plain C: a complex FFT of half the length (radix 2
 * first if the length needs it, then radix 4), split into the bins of a real one.
 *
 * It is faster because samples are windowed on their way into the first stage, pairs are added
 * in one instruction (pair.h), bit reversal is a table, and splitting two bins takes four
 * multiplications instead of sixteen. */
#include "rfft_q15.h"

#include "magnitude.h"

#ifdef __ARM_FEATURE_DSP

typedef struct {
    char none;
} constants_t;

static inline constants_t constants(void) {
    return (constants_t){0};
}

static inline pair_t quartered(int32_t re, int32_t im) {
    return pair_of(re, im);
}

/* A butterfly of four numbers a quarter of `n` apart. The first stage takes them already divided
 * by four. */
static inline void butterfly_first(pair_t *x, uint32_t quarter, const pair_t *twiddle,
                                   const constants_t *k) {
    (void)k;
    const pair_t a = x[0], b = x[quarter], c = x[2 * quarter], d = x[3 * quarter];
    const pair_t r = pair_add(a, c), s = pair_sub(a, c), t = pair_add(b, d), u = pair_sub(b, d);
    x[0] = pair_add(pair_half(r), pair_half(t));
    x[quarter] = pair_turned(pair_sub(r, t), twiddle[1]);
    x[2 * quarter] = pair_turned(pair_sub_i(s, u), twiddle[0]);
    x[3 * quarter] = pair_turned(pair_add_i(s, u), twiddle[2]);
}

static inline void butterfly(pair_t *x, uint32_t quarter, const pair_t *twiddle,
                             const constants_t *k) {
    (void)k;
    const pair_t a = x[0], b = x[quarter], c = x[2 * quarter], d = x[3 * quarter];
    const pair_t r = pair_half(pair_add(a, c)), s = pair_half(pair_sub(a, c));
    const pair_t t = pair_half(pair_add(b, d)), u = pair_half(pair_sub(b, d));
    x[0] = pair_half(pair_add(r, t));
    x[quarter] = pair_turned(pair_sub(r, t), twiddle[1]);
    x[2 * quarter] = pair_turned(pair_sub_i(s, u), twiddle[0]);
    x[3 * quarter] = pair_turned(pair_add_i(s, u), twiddle[2]);
}

static inline void butterfly_last(pair_t *x, uint32_t twice, const constants_t *k) {
    (void)k;
    const pair_t a = x[0], b = x[1], c = x[2], d = x[3];
    const pair_t r = pair_half(pair_add(a, c)), s = pair_half(pair_sub(a, c));
    const pair_t t = pair_half(pair_add(b, d)), u = pair_half(pair_sub(b, d));
    const pair_t x0 = pair_add(r, t), x1 = pair_sub(r, t);
    const pair_t x2 = pair_sub_i(s, u), x3 = pair_add_i(s, u);
    x[0] = twice ? pair_add(x0, x0) : x0;
    x[1] = twice ? pair_add(x1, x1) : x1;
    x[2] = twice ? pair_add(x2, x2) : x2;
    x[3] = twice ? pair_add(x3, x3) : x3;
}

#else

/* Between stages the low half is kept 2^14 too large, so that it is never negative when it is
 * shifted: it is 2^15 too large in sums, and 2^14 again once they are halved. */
enum { RAISE = 1 << 14 };

/* Keeps constants in registers; the compiler would load each one anew. */
typedef struct {
    uint32_t halves, sum, product, minus_i, plus_i;
} constants_t;

static inline uint32_t as_it_is(uint32_t x) {
    __asm volatile("" : "+r"(x));
    return x;
}

static inline constants_t constants(void) {
    return (constants_t){
        .halves = as_it_is(~0x8000u),
        .sum = as_it_is(2 * RAISE),
        .product = as_it_is((uint32_t)RAISE << 16),
        .minus_i = as_it_is(((uint32_t)RAISE << 16) - RAISE),
        .plus_i = as_it_is(0u - ((uint32_t)RAISE << 16) - RAISE),
    };
}

/* Raised by half as much, because it is divided by four. */
static inline pair_t quartered(int32_t re, int32_t im) {
    return ((uint32_t)im << 16) + (uint32_t)re + RAISE / 2;
}

/* Each half of a word whose low half is not negative. */
static inline pair_t halved(pair_t x, const constants_t *k) {
    return (pair_t)((int32_t)x >> 1) & k->halves;
}

/* x (not raised) times the conjugate of a Q15 twiddle, halved; raised */
static inline pair_t turned(pair_t x, pair_t twiddle, const constants_t *k) {
    const int32_t re = pair_re(x), im = (int32_t)(x + k->sum) >> 16;
    const int32_t cos = pair_low(twiddle), sin = pair_high(twiddle);
    const uint32_t low = (uint32_t)(cos * re + sin * im), high = (uint32_t)(cos * im - sin * re);
    return (high >> 16 << 16) + ((low + k->product) >> 16);
}

static inline void butterfly_first(pair_t *x, uint32_t quarter, const pair_t *twiddle,
                                   const constants_t *k) {
    const pair_t a = x[0], b = x[quarter], c = x[2 * quarter], d = x[3 * quarter];
    const pair_t r = a + c, s = a - c, t = b + d, u = b - d;
    x[0] = halved(r, k) + halved(t, k);
    x[quarter] = turned(r - t, twiddle[1], k);
    const pair_t iu = (u << 16) - (uint32_t)((int32_t)(u + k->sum) >> 16);
    x[2 * quarter] = turned(s - iu, twiddle[0], k);
    x[3 * quarter] = turned(s + iu, twiddle[2], k);
}

static inline void butterfly(pair_t *x, uint32_t quarter, const pair_t *twiddle,
                             const constants_t *k) {
    const pair_t a = x[0], b = x[quarter], c = x[2 * quarter], d = x[3 * quarter];
    const pair_t r = halved(a + c, k), t = halved(b + d, k);
    x[0] = halved(r + t, k);
    x[quarter] = turned(r - t, twiddle[1], k);
    const pair_t s = halved(a - c + k->sum, k), u = halved(b - d + k->sum, k);
    const pair_t iu = (u << 16) - (pair_t)pair_high(u);
    x[2 * quarter] = turned(s - iu + k->minus_i, twiddle[0], k);
    x[3 * quarter] = turned(s + iu + k->plus_i, twiddle[2], k);
}

static inline void butterfly_last(pair_t *x, uint32_t twice, const constants_t *k) {
    const pair_t a = x[0], b = x[1], c = x[2], d = x[3];
    const pair_t r = halved(a + c, k), t = halved(b + d, k);
    const pair_t s = halved(a - c + k->sum, k), u = halved(b - d + k->sum, k);
    const pair_t iu = (u << 16) - (pair_t)pair_high(u);
    x[0] = (r + t - k->sum) << twice;
    x[1] = (r - t) << twice;
    x[2] = (s - iu + k->minus_i) << twice;
    x[3] = (s + iu + k->plus_i) << twice;
}

#endif

/* Radix 2 over the whole: two halves of their own then. */
static void load_halves(uint32_t n, const pair_t *twiddles, const pair_t *window,
                        const pair_t *samples, pair_t *work) {
    const uint32_t half = n / 2;
    for (uint32_t i = 0; i < half; i++, samples++, window++, work++) {
        const pair_t a = samples[0], b = samples[half], v = window[0], w = window[half];
        const int32_t a_re = pair_low(a) * pair_low(v) >> 16;
        const int32_t b_re = pair_low(b) * pair_low(w) >> 16;
        const int32_t a_im = pair_high(a) * pair_high(v) >> 16;
        const int32_t b_im = pair_high(b) * pair_high(w) >> 16;
        const int32_t re = a_re - b_re, im = a_im - b_im;
        const int32_t cos = pair_low(twiddles[i]), sin = pair_high(twiddles[i]);
        work[0] = quartered((a_re + b_re) >> 3, (a_im + b_im) >> 3);
        work[half] = quartered(((re * cos >> 16) + (im * sin >> 16)) >> 2,
                               ((im * cos >> 16) - (re * sin >> 16)) >> 2);
    }
}

static void load(uint32_t n, const pair_t *window, const pair_t *samples, pair_t *work) {
    for (uint32_t i = 0; i < n; i++) {
        const pair_t x = samples[i], w = window[i];
        work[i] = quartered(pair_low(x) * pair_low(w) >> 17, pair_high(x) * pair_high(w) >> 17);
    }
}

/* Complex FFT of n = 4^k numbers that are already divided by four. */
static void radix_4(pair_t *x, uint32_t n, const pair_t *twiddles, uint32_t twice) {
    const constants_t k = constants();
    uint32_t quarter = n / 4;
    for (uint32_t i = 0; i < quarter; i++, twiddles += 3) {
        butterfly_first(x + i, quarter, twiddles, &k);
    }
    for (quarter /= 4; quarter > 1; quarter /= 4) {
        for (uint32_t i = 0; i < n; i += 4 * quarter) {
            for (uint32_t j = 0; j < quarter; j++) {
                butterfly(x + i + j, quarter, twiddles + 3 * j, &k);
            }
        }
        twiddles += 3 * quarter;
    }
    for (uint32_t i = 0; i < n; i += 4) {
        butterfly_last(x + i, twice, &k);
    }
}

static inline uint32_t half_energy(int32_t re, int32_t im) {
    return ((uint32_t)(re * re) + (uint32_t)(im * im)) >> 1;
}

void rfft_q15_magnitudes(const rfft_q15_t *fft, const pair_t *window, const pair_t *samples,
                         uint32_t *work, int16_t *out) {
    const uint32_t n = fft->points / 2;
    const pair_t *twiddles = fft->twiddles;
    if (n & 0x154) {
        load(n, window, samples, work);
        radix_4(work, n, twiddles, 0);
    } else {
        load_halves(n, twiddles, window, samples, work);
        radix_4(work, n / 2, twiddles + n / 2, 1);
        radix_4(work + n / 2, n / 2, twiddles + n / 2, 1);
    }

    /* Bins k and n - k from numbers a = Z[k] and b = Z[n - k], with p, q = (1 -+ sin) / 2 and
     * c = cos / 2: re = p a.re + q b.re + c (a.im + b.im), im = p a.im - q b.im - c (a.re - b.re);
     * the tables' p and q add up to 1 exactly, so that q b = b - p b. */
    const uint8_t *order = fft->order;
    const pair_t *split = fft->split;
    const int32_t even = pair_re(work[0]), odd = pair_im(work[0]);
    uint32_t *energy = work + n;
    energy[0] = half_energy((even + odd) >> 1, 0);
    energy[n] = half_energy((even - odd) >> 1, 0);
    for (uint32_t k = 1; k < n / 2; k++) {
        const pair_t a = work[order[k]], b = work[order[n - k]], pc = *split++;
        const uint32_t a_re = (uint32_t)pair_re(a), a_im = (uint32_t)pair_im(a);
        const uint32_t b_re = (uint32_t)pair_re(b), b_im = (uint32_t)pair_im(b);
        const uint32_t p = (uint32_t)pair_low(pc), c = (uint32_t)pair_high(pc);
        const uint32_t re = p * (a_re - b_re) + c * (a_im + b_im);
        const uint32_t im = p * (a_im + b_im) - c * (a_re - b_re);
        energy[k] =
            half_energy((int32_t)((b_re << 15) + re) >> 16, (int32_t)(im - (b_im << 15)) >> 16);
        energy[n - k] =
            half_energy((int32_t)((a_re << 15) - re) >> 16, (int32_t)(im - (a_im << 15)) >> 16);
    }
    /* there p is 0 and q, 1, as Q15 has it */
    const pair_t middle = work[order[n / 2]];
    energy[n / 2] = half_energy(pair_re(middle) * 32767 >> 16, -pair_im(middle) * 32767 >> 16);
    magnitudes(energy, out, n + 1);
}
