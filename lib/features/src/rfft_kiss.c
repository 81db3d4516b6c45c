/* kiss_fftr with its rounding: inputs are divided by the radix before each butterfly, products
 * are rounded to nearest, and sums wrap at 16 bits. The order of samples and twiddles comes from
 * tables. A twiddle of 1 needs no multiplication, because a quarter of a sample times 32767 /
 * 32768 rounds to itself. */
#include "rfft_kiss.h"

#ifdef __ARM_FEATURE_DSP

typedef pair_t number_t;

static inline number_t from_pair(pair_t x) {
    return x;
}

static inline pair_t to_pair(number_t x) {
    return x;
}

/* (x * factor + 2^15) / 2^16 of both parts */
static inline number_t scaled(number_t x, int32_t factor) {
    int32_t re, im;
    __asm("smlabb %0, %1, %2, %3" : "=r"(re) : "r"(x), "r"(factor), "r"(32768));
    __asm("smlatb %0, %1, %2, %3" : "=r"(im) : "r"(x), "r"(factor), "r"(32768));
    return pair_upper(re, im);
}

static inline number_t times(number_t x, pair_t twiddle) {
    const int32_t re = __smlsd((int16x2_t)x, (int16x2_t)twiddle, 16384);
    const uint32_t im = (uint32_t)__smladx((int16x2_t)x, (int16x2_t)twiddle, 16384);
    pair_t product;
    __asm("pkhtb %0, %1, %2, asr #15" : "=r"(product) : "r"(im << 1), "r"(re));
    return product;
}

#define ADD pair_add
#define SUB pair_sub
#define ADD_I pair_add_i
#define SUB_I pair_sub_i

#else

typedef struct {
    int32_t re, im;
} number_t;

static inline number_t from_pair(pair_t x) {
    return (number_t){pair_low(x), pair_high(x)};
}

static inline pair_t to_pair(number_t x) {
    return (uint32_t)x.im << 16 | (uint16_t)x.re;
}

static inline number_t scaled(number_t x, int32_t factor) {
    return (number_t){(x.re * factor + 32768) >> 16, (x.im * factor + 32768) >> 16};
}

static inline number_t times(number_t x, pair_t twiddle) {
    const int32_t re = pair_low(twiddle), im = pair_high(twiddle);
    return (number_t){(x.re * re - x.im * im + 16384) >> 15, (x.re * im + x.im * re + 16384) >> 15};
}

#define ADD(a, b) ((number_t){a.re + b.re, a.im + b.im})
#define SUB(a, b) ((number_t){a.re - b.re, a.im - b.im})
#define ADD_I(a, b) ((number_t){a.re - b.im, a.im + b.re})
#define SUB_I(a, b) ((number_t){a.re + b.im, a.im - b.re})

#endif

enum { QUARTER = 2 * 8191, HALF = 2 * 16383 }; /* kissfft's 32767 / 4 and / 2, in Q16 */

/* Of numbers divided by four and turned already. */
static inline void butterfly(pair_t *x, uint32_t m, number_t a, number_t b, number_t c,
                             number_t d) {
    const number_t s = ADD(a, c), t = SUB(a, c), u = ADD(b, d), v = SUB(b, d);
    x[0] = to_pair(ADD(s, u));
    x[m] = to_pair(SUB_I(t, v));
    x[2 * m] = to_pair(SUB(s, u));
    x[3 * m] = to_pair(ADD_I(t, v));
}

/* A sample pair at full scale, divided. */
static inline number_t loaded(pair_t x, uint32_t shift, int32_t divisor) {
    const int32_t re = (int16_t)(x << shift), im = (int32_t)(x >> 16 << 16 << shift) >> 16;
#ifdef __ARM_FEATURE_DSP
    return pair_upper(re * divisor + 32768, im * divisor + 32768);
#else
    return scaled((number_t){re, im}, divisor);
#endif
}

static void first_stage_2(const pair_t *samples, uint32_t n, const uint8_t *order, uint32_t shift,
                          pair_t *x) {
    for (uint32_t i = 0; i < n / 2; i++, x += 2) {
        const number_t a = loaded(samples[order[i]], shift, HALF);
        const number_t b = loaded(samples[order[i] + n / 2], shift, HALF);
        x[0] = to_pair(ADD(a, b));
        x[1] = to_pair(SUB(a, b));
    }
}

static void first_stage_4(const pair_t *samples, uint32_t n, const uint8_t *order, uint32_t shift,
                          pair_t *x) {
    for (uint32_t i = 0; i < n / 4; i++, x += 4) {
        const pair_t *from = samples + order[i];
        const number_t a = loaded(from[0], shift, QUARTER);
        const number_t b = loaded(from[n / 4], shift, QUARTER);
        const number_t c = loaded(from[n / 2], shift, QUARTER);
        const number_t d = loaded(from[n / 4 * 3], shift, QUARTER);
        butterfly(x, 1, a, b, c, d);
    }
}

static inline number_t quarter(pair_t x) {
    return scaled(from_pair(x), QUARTER);
}

/* From numbers m apart to transforms of 4 m points. */
static const pair_t *stage(pair_t *x, uint32_t n, uint32_t m, const pair_t *twiddles) {
    for (uint32_t i = 0; i < n; i += 4 * m) {
        pair_t *y = x + i;
        butterfly(y, m, quarter(y[0]), quarter(y[m]), quarter(y[2 * m]), quarter(y[3 * m]));
        y++;
        const pair_t *t = twiddles;
        for (uint32_t k = 1; k < m; k++, y++, t += 3) {
            butterfly(y, m, quarter(y[0]), times(quarter(y[m]), t[0]),
                      times(quarter(y[2 * m]), t[1]), times(quarter(y[3 * m]), t[2]));
        }
    }
    return twiddles + 3 * (m - 1);
}

static inline uint32_t energy_of(int32_t re, int32_t im) {
    return (uint32_t)(re * re) + (uint32_t)(im * im);
}

static inline int32_t halved(int32_t x) {
    return (x * HALF + 32768) >> 16;
}

void rfft_kiss_energies(const rfft_kiss_t *fft, const pair_t *samples, uint32_t shift, pair_t *work,
                        uint32_t first, uint32_t last, uint32_t *energy) {
    const uint32_t n = fft->points / 2;
    const pair_t *twiddles = fft->twiddles;
    uint32_t m;
    if (n & 0x154) {
        first_stage_4(samples, n, fft->order, shift, work);
        m = 4;
    } else {
        first_stage_2(samples, n, fft->order, shift, work);
        m = 2;
    }
    for (; m < n; m *= 4) {
        twiddles = stage(work, n, m, twiddles);
    }

    const int32_t even = halved(pair_low(work[0])), odd = halved(pair_high(work[0]));
    energy[0] = energy_of((int16_t)(even + odd), 0);
    energy[n] = energy_of((int16_t)(even - odd), 0);
    /* bins k and n - k; skipped if neither is wanted */
    const uint32_t begin = n + 1 - last < first ? n + 1 - last : first;
    const uint32_t end = last <= n / 2 ? last : n / 2 + 1;
    for (uint32_t k = begin > 1 ? begin : 1; k < end; k++) {
        const pair_t x = work[k], y = work[n - k];
        const int32_t x_re = halved(pair_low(x)), x_im = halved(pair_high(x));
        const int32_t y_re = halved(pair_low(y)), y_im = halved((int16_t)-pair_high(y));
        const int32_t sum_re = x_re + y_re, sum_im = x_im + y_im;
        const int32_t re = x_re - y_re, im = x_im - y_im;
        const int32_t cos = pair_low(fft->split[k - 1]), sin = pair_high(fft->split[k - 1]);
        const int32_t turned_re = (int16_t)((re * cos - im * sin + 16384) >> 15);
        const int32_t turned_im = (int16_t)((re * sin + im * cos + 16384) >> 15);
        energy[k] = energy_of((sum_re + turned_re) >> 1, (sum_im + turned_im) >> 1);
        energy[n - k] = energy_of((sum_re - turned_re) >> 1, (turned_im - sum_im) >> 1);
    }
}
