/* CONV_2D: widens the patches of two pixels to 16 bits once, then multiplies them with the weights
 * of two channels at a time. */
#include <stdbool.h>

#include "multiply.h"
#include "patch.h"
#include "requantize.h"

static nn_dsp_multiply_t job_of(const nn_dsp_conv_2d_t *p, const void *weights,
                                const int8_t *scratch) {
    const uint32_t *patch = (const uint32_t *)(const void *)scratch;
    return (nn_dsp_multiply_t){
        .patch = patch,
        .fours = patch + NN_DSP_BLOCK * (p->blocks / 4 * 4),
        .end = patch + NN_DSP_BLOCK * p->blocks,
        .weights = weights,
        .channels = nn_dsp_channels(&p->out),
        .count = p->window.out_c,
        .limited = p->out.limited,
        .low = nn_four_times(p->out.low),
        .high = nn_four_times(p->out.high),
    };
}

/* The input rows of one output row. They start `at` bytes from `base`, `pitch` bytes apart. After
 * `size` bytes they start again at `base`; this does not happen if they are the input itself. */
typedef struct {
    const int8_t *base;
    int32_t at, pitch, size;
} rows_t;

/* Copies row y of an image with padding on both sides. y may lie outside the image. */
static void load_row(const nn_dsp_conv_2d_t *p, const int8_t *image, int32_t y, int8_t *to) {
    const nn_window_t *w = &p->window;
    memset(to, p->fill, p->pitch);
    if (y >= 0 && y < w->in_h) {
        const int32_t row = w->in_w * w->in_c, before = w->pad_w * w->in_c;
        const int32_t room = p->pitch - before;
        memcpy(to + before, image + y * row, (uint32_t)(row < room ? row : room));
    }
}

/* Widens the patch of the pixel whose window starts `x` bytes into the rows and, if `both`, the
 * patch of its right neighbour. */
static void gather(const nn_dsp_conv_2d_t *p, rows_t rows, int32_t x, uint32_t *patch, bool both) {
    const int32_t apart = p->window.dilation_w * p->window.in_c;
    const int32_t down = p->window.dilation_h * rows.pitch;
    const int32_t stride = p->window.stride_w * p->window.in_c;
    const uint32_t blocks = p->segment_blocks;
    for (int32_t left = p->window.kernel_h; left > 0;) {
        /* rows until the ring starts again; 1 if their segments are not neighbours */
        const int8_t *from = rows.base + rows.at + x;
        int32_t some = 1;
        if (p->segments_a_row == 1) {
            const int32_t room = (rows.size - rows.at - 1) / down + 1;
            some = left < room ? left : room;
        }
        for (int32_t s = p->segments_a_row; s > 0; s--, from += apart) {
            patch = both ? nn_dsp_widen_both(patch, from, stride, blocks, some, down)
                         : nn_dsp_widen(patch, from, blocks, some, down);
        }
        left -= some;
        rows.at += some * down;
        rows.at -= rows.at >= rows.size ? rows.size : 0;
    }
}

static void convolve(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch,
                     const void *weights, nn_dsp_multiply_f multiply) {
    const nn_window_t *w = &p->window;
    nn_dsp_multiply_t job = job_of(p, weights, scratch);
    uint32_t *patch = (uint32_t *)(void *)scratch;
    int8_t *ring = scratch + 16 * p->blocks;
    const int32_t stride = w->stride_w * w->in_c, row = w->in_w * w->in_c;
    bool half = false; /* whether one pixel of the pair is complete */
    for (int32_t n = 0; n < w->batches; n++, in += w->in_h * row) {
        int32_t loaded = 0; /* rows, counted from the first row of padding */
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
                    gather(p, rows, x, half ? patch + NN_DSP_PIXEL : patch, false);
                    half = !half;
                    left--;
                    x += stride;
                } else {
                    gather(p, rows, x, patch, true);
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
        const int32_t apart = left > 1 ? w->in_c : 0;
        uint32_t *end = nn_dsp_widen_both(patch, in, apart, from / 4, 1, 0);
        if (rest) {
            int8_t both[8] = {0};
            memcpy(both, in + from - rest, rest);
            memcpy(both + 4, in + apart + from - rest, rest);
            nn_dsp_widen_both(end, both, 4, 1, 1, 0);
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
