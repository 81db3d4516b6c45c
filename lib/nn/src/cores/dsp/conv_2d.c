/* CONV_2D: the patches of two pixels are widened to 16 bits once, then multiplied with the weights
 * of two channels at a time. */
#include <stdbool.h>

#include "multiply.h"
#include "patch.h"
#include "requantize.h"

static nn_dsp_multiply_t job_of(const nn_dsp_conv_2d_t *p, const void *weights,
                                const int8_t *scratch) {
    return (nn_dsp_multiply_t){
        .patch = (const uint32_t *)(const void *)scratch,
        .weights = weights,
        .channels = nn_dsp_channels(&p->out),
        .count = p->window.out_c,
        .blocks = p->blocks,
        .limited = p->out.limited,
        .low = nn_bytes(p->out.low, p->out.low, p->out.low, p->out.low),
        .high = nn_bytes(p->out.high, p->out.high, p->out.high, p->out.high),
    };
}

/* The rows of input an output row sees, `at` bytes from `base`, one `pitch` after the other; past
 * `size` bytes they start again (never, if they are the input's own). */
typedef struct {
    const int8_t *base;
    int32_t at, pitch, size;
} rows_t;

/* Row y of an image, which may lie outside, with padding to both sides. */
static void load_row(const nn_dsp_conv_2d_t *p, const int8_t *image, int32_t y, int8_t *to) {
    const nn_window_t *w = &p->window;
    memset(to, p->fill, p->pitch);
    if (y >= 0 && y < w->in_h) {
        const int32_t row = w->in_w * w->in_c, before = w->pad_w * w->in_c;
        const int32_t room = p->pitch - before;
        memcpy(to + before, image + y * row, (uint32_t)(row < room ? row : room));
    }
}

static inline const int8_t *next_row(const nn_dsp_conv_2d_t *p, rows_t *rows) {
    const int8_t *row = rows->base + rows->at;
    rows->at += p->window.dilation_h * rows->pitch;
    rows->at -= rows->at >= rows->size ? rows->size : 0;
    return row;
}

/* The patch of the pixel whose window starts `x` bytes into the rows. */
static void gather(const nn_dsp_conv_2d_t *p, rows_t rows, int32_t x, uint32_t *patch) {
    const int32_t apart = p->window.dilation_w * p->window.in_c;
    const uint32_t blocks = p->segment_blocks;
    for (int32_t ky = p->window.kernel_h; ky > 0; ky--) {
        const int8_t *from = next_row(p, &rows) + x;
        for (int32_t s = p->segments_a_row; s > 0; s--, from += apart) {
            patch = nn_dsp_widen(patch, from, blocks);
        }
    }
}

/* And of its neighbour to the right. */
static void gather_both(const nn_dsp_conv_2d_t *p, rows_t rows, int32_t x, uint32_t *patch) {
    const int32_t apart = p->window.dilation_w * p->window.in_c;
    const int32_t stride = p->window.stride_w * p->window.in_c;
    const uint32_t blocks = p->segment_blocks;
    for (int32_t ky = p->window.kernel_h; ky > 0; ky--) {
        const int8_t *from = next_row(p, &rows) + x;
        for (int32_t s = p->segments_a_row; s > 0; s--, from += apart) {
            patch = nn_dsp_widen_both(patch, from, from + stride, blocks);
        }
    }
}

static void convolve(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch,
                     const void *weights, nn_dsp_multiply_f multiply) {
    const nn_window_t *w = &p->window;
    nn_dsp_multiply_t job = job_of(p, weights, scratch);
    uint32_t *patch = (uint32_t *)(void *)scratch;
    int8_t *ring = scratch + 16 * p->blocks;
    const int32_t stride = w->stride_w * w->in_c, row = w->in_w * w->in_c;
    bool half = false; /* one pixel of the pair is there */
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * row) {
        int32_t loaded = 0; /* rows, counted from the first of padding */
        for (int32_t oy = 0; oy < w->out_h; oy++) {
            const int32_t top = oy * w->stride_h;
            rows_t rows = {in, top * row, row, INT32_MAX};
            if (p->ring_rows) {
                for (loaded = loaded < top ? top : loaded; loaded < top + p->ring_rows; loaded++) {
                    load_row(p, in, loaded - w->pad_h, ring + loaded % p->ring_rows * p->pitch);
                }
                rows = (rows_t){ring, top % p->ring_rows * p->pitch, p->pitch,
                                p->ring_rows * p->pitch};
            }
            int32_t x = 0;
            for (int32_t left = w->out_w; left > 0;) {
                if (half || left == 1) {
                    gather(p, rows, x, half ? patch + NN_DSP_PIXEL : patch);
                    half = !half;
                    left--;
                    x += stride;
                } else {
                    gather_both(p, rows, x, patch);
                    left -= 2;
                    x += 2 * stride;
                }
                if (!half) {
                    job.out0 = out;
                    job.out1 = out + w->out_c;
                    multiply(&job);
                    out += 2 * w->out_c;
                }
            }
        }
    }
    if (half) {
        job.out0 = job.out1 = out;
        multiply(&job);
    }
}

void nn_dsp_conv_2d(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch) {
    convolve(p, in, out, scratch, p->weights16, nn_dsp_multiply16);
}

void nn_dsp_conv_2d_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch) {
    convolve(p, in, out, scratch, p->weights8, nn_dsp_multiply8);
}

static void pointwise(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch,
                      const void *weights, nn_dsp_multiply_f multiply) {
    const nn_window_t *w = &p->window;
    nn_dsp_multiply_t job = job_of(p, weights, scratch);
    uint32_t *patch = (uint32_t *)(void *)scratch;
    const uint32_t from = w->in_c, to = w->out_c, rest = from % 4;
    for (int32_t left = w->batches * w->out_h * w->out_w; left > 0; left -= 2) {
        const uint32_t next = left > 1;
        const int8_t *other = in + next * from;
        uint32_t *end = nn_dsp_widen_both(patch, in, other, from / 4);
        if (rest) {
            int8_t a[4] = {0}, b[4] = {0};
            memcpy(a, in + from - rest, rest);
            memcpy(b, other + from - rest, rest);
            nn_dsp_widen_both(end, a, b, 1);
        }
        job.out0 = out;
        job.out1 = out + next * to;
        multiply(&job);
        in += 2 * from;
        out += 2 * to;
    }
}

void nn_dsp_pointwise(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch) {
    pointwise(p, in, out, scratch, p->weights16, nn_dsp_multiply16);
}

void nn_dsp_pointwise_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                            int8_t *scratch) {
    pointwise(p, in, out, scratch, p->weights8, nn_dsp_multiply8);
}
