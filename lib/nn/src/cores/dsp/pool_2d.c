/* MAX_POOL_2D and AVERAGE_POOL_2D of four channels at a time. */
#include "../../ops/window.h"
#include "dsp_kernels.h"
#include "sum4.h"

/* Four channels of a window: `rows` rows of `columns` pixels, which are `step` bytes apart. */
typedef uint32_t (*reduce_t)(const int8_t *corner, int32_t rows, int32_t columns, int32_t row,
                             int32_t step);

static inline uint32_t largest(const int8_t *corner, int32_t rows, int32_t columns, int32_t row,
                               int32_t step) {
    uint32_t best = 0x80808080u;
    for (int32_t y = rows; y > 0; y--, corner += row) {
        const int8_t *at = corner;
        for (int32_t x = columns; x > 0; x--, at += step) {
            best = nn_larger4(nn_load4(at), best);
        }
    }
    return best;
}

/* sum / count, rounded half away from zero */
static inline int32_t quotient(int32_t sum, int32_t count) {
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

static inline uint32_t average(const int8_t *corner, int32_t rows, int32_t columns, int32_t row,
                               int32_t step) {
    nn_dsp_sum4_t sum = {0, 0};
    for (int32_t y = rows; y > 0; y--, corner += row) {
        sum = nn_dsp_sum4(sum, corner, columns, step);
    }
    const int32_t count = rows * columns;
    return nn_bytes(quotient(nn_low_half(sum.even), count), quotient(nn_low_half(sum.odd), count),
                    quotient(nn_high_half(sum.even), count),
                    quotient(nn_high_half(sum.odd), count));
}

static inline void pool(const nn_pool_2d_t *p, const int8_t *in, int8_t *out, reduce_t reduce) {
    const nn_window_t *w = &p->window;
    const int32_t row = w->in_w * w->in_c;
    /* The larger of x and low. The smaller of x and high is the larger of their complements. */
    const uint32_t low = nn_four_times(p->low);
    const uint32_t high = ~nn_four_times(p->high);
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * row) {
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const nn_span_t y = nn_span(oy, w->stride_h, w->pad_h, w->kernel_h, 1, w->in_h);
            for (int32_t ox = 0; ox < w->out_w; ox++) {
                const nn_span_t x = nn_span(ox, w->stride_w, w->pad_w, w->kernel_w, 1, w->in_w);
                const int8_t *corner =
                    in + (y.origin + y.first) * row + (x.origin + x.first) * w->in_c;
                for (int32_t c = w->in_c; c > 0; c -= 4, corner += 4, out += 4) {
                    uint32_t four =
                        reduce(corner, y.last - y.first, x.last - x.first, row, w->in_c);
                    four = ~nn_larger4(~nn_larger4(four, low), high);
                    memcpy(out, &four, sizeof four);
                }
            }
        }
    }
}

void nn_dsp_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out) {
    pool(p, in, out, largest);
}

void nn_dsp_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out) {
    pool(p, in, out, average);
}
