/* DEPTHWISE_CONV_2D: widens each channel into a plane and convolves it, two taps at a time. */
#include <stdbool.h>

#include "dsp_kernels.h"
#include "four.h"
#include "line.h"
#include "line_3x3.h"
#include "requantize.h"

/* Computes one output channel from a plane. weights: of that channel, in the file's order. words:
 * working memory. */
typedef void (*convolve_t)(const nn_dsp_depthwise_conv_2d_t *p, const int16_t *plane,
                           const int8_t *weights, const nn_dsp_channel_t *c, uint32_t *words,
                           int8_t *out);

typedef void (*fours_t)(const nn_dsp_four_t *job, const int16_t *at, int8_t *to, int32_t groups);

/* Writes a channel into the plane and leaves the padding as it is. Not inline, because GCC would
 * not have enough registers for the loop. */
static __attribute__((noinline)) void load_plane(const nn_dsp_depthwise_conv_2d_t *p,
                                                 const int8_t *in, int16_t *plane) {
    const nn_dsp_axis_t *line = &p->line, *place = &p->place;
    const int32_t step = place->in_step;
    plane += line->before * p->pitch + place->before;
    for (int32_t y = line->in; y > 0; y--, in += line->in_step, plane += p->pitch) {
        const int8_t *from = in;
        int16_t *to = plane;
        int32_t left = place->in;
        for (; left > 3; left -= 4, from += 4 * step, to += 4) {
            const uint32_t pairs[] = {nn_halves(from[0], from[step]),
                                      nn_halves(from[2 * step], from[3 * step])};
            memcpy(to, &pairs[0], sizeof pairs[0]);
            memcpy(to + 2, &pairs[1], sizeof pairs[1]);
        }
        for (; left > 0; left--, from += step) {
            *to++ = *from;
        }
    }
}

/* straight: whether a line rescales the sums (line.h), as everywhere below */
static void depthwise(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                      int8_t *scratch, convolve_t convolve, const bool straight) {
    int16_t *plane = (int16_t *)(void *)scratch;
    const int32_t halves = p->line.count * p->pitch;
    uint32_t *words = (uint32_t *)(void *)(plane + halves);
    for (int32_t i = 0; i < halves; i++) {
        plane[i] = p->fill;
    }
    for (uint32_t n = 0; n < p->batches; n++, in += p->in_size, out += p->out_size) {
        const int32_t *at = p->out.channels;
        const int8_t *weights = p->weights;
        int8_t *to = out;
        for (uint32_t i = 0; i < p->in_c; i++) {
            load_plane(p, in + i, plane);
            for (uint32_t m = p->multiplier; m; m--, at += straight ? 2 : 4, to++) {
                nn_dsp_channel_t c = {at[0], at[1], 0, 0};
                if (!straight) {
                    c.round = at[2];
                    c.shift = at[3];
                }
                convolve(p, plane, weights, &c, words, to);
                weights += p->line.taps * p->place.taps;
            }
        }
    }
}

/* Two weights, doubled or, for a straight line, times 2^8. */
static inline uint32_t scaled(int8_t low, int8_t high, const bool straight) {
    return straight ? (uint32_t)(uint8_t)low << 8 | (uint32_t)high << 24
                    : nn_halves(2 * low, 2 * high);
}

static inline void convolve_3x3(const nn_dsp_depthwise_conv_2d_t *p, const int16_t *plane,
                                const int8_t *w, const nn_dsp_channel_t *c, int8_t *out,
                                nn_dsp_line_f convolve_line, const bool straight) {
    const int32_t down = p->line_dilation * p->pitch;
    nn_dsp_line_t job = {
        .weights = {scaled(w[0], w[1], straight), scaled(w[1], w[2], straight),
                    scaled(w[3], w[4], straight), scaled(w[4], w[5], straight),
                    scaled(w[6], w[7], straight), scaled(w[7], w[8], straight)},
        .multiplier = c->multiplier,
        .round = c->round,
        .bias = c->bias,
        .shift = c->shift,
        .low = p->out.low,
        .high = p->out.high,
    };
    for (int32_t y = p->line.out; y > 0; y--, plane += p->pitch, out += p->line.out_step) {
        job.line[0] = plane;
        job.line[1] = plane + down;
        job.line[2] = plane + 2 * down;
        job.out = out;
        job.step = p->place.out_step;
        job.end = plane + p->place.out / 2 * 2;
        job.odd = p->place.out % 2;
        convolve_line(&job);
    }
}

static void rescaled_3x3(const nn_dsp_depthwise_conv_2d_t *p, const int16_t *plane, const int8_t *w,
                         const nn_dsp_channel_t *c, uint32_t *words, int8_t *out) {
    (void)words;
    convolve_3x3(p, plane, w, c, out, p->out.limited ? nn_dsp_line_3x3_limited : nn_dsp_line_3x3,
                 false);
}

static void straight_3x3(const nn_dsp_depthwise_conv_2d_t *p, const int16_t *plane, const int8_t *w,
                         const nn_dsp_channel_t *c, uint32_t *words, int8_t *out) {
    (void)words;
    convolve_3x3(p, plane, w, c, out,
                 p->out.limited ? nn_dsp_line_3x3_straight_limited : nn_dsp_line_3x3_straight,
                 true);
}

void nn_dsp_depthwise_3x3(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch) {
    depthwise(p, in, out, scratch, rescaled_3x3, false);
}

void nn_dsp_depthwise_3x3_line(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                               int8_t *scratch) {
    depthwise(p, in, out, scratch, straight_3x3, true);
}

static inline void convolve_any(const nn_dsp_depthwise_conv_2d_t *p, const int16_t *plane,
                                const int8_t *weights, const nn_dsp_channel_t *c, uint32_t *words,
                                int8_t *out, const bool straight) {
    const nn_dsp_axis_t *line = &p->line, *place = &p->place;
    uint32_t *word = words;
    for (int32_t ky = 0; ky < line->taps; ky++, weights += place->taps) {
        for (int32_t kx = 0; kx < place->taps; kx += 2) {
            const int8_t next = kx + 1 < place->taps ? weights[kx + 1] : 0;
            *word++ = scaled(weights[kx], next, straight);
        }
    }
    const int32_t most = place->out / 4 * 4, rest = place->out - most;
    nn_dsp_four_t job = {
        .words = words,
        .end = word,
        .next = 2 * p->line_dilation * p->pitch - 4 * p->pairs,
        .pairs = p->pairs,
        .apart = 2 * place->stride,
        .thrice = 6 * place->stride,
        .bias = c->bias,
        .multiplier = c->multiplier,
        .round = c->round,
        .shift = c->shift,
        .limited = p->out.limited,
        .low = nn_four_times(p->out.low),
        .high = nn_four_times(p->out.high),
        .step = place->out_step,
    };
    const fours_t fours = straight ? nn_dsp_fours_straight : nn_dsp_fours;
    for (int32_t y = line->out; y > 0; y--, plane += line->stride * p->pitch) {
        if (most) {
            fours(&job, plane, out, most / 4);
        }
        if (rest && most) { /* the last four: some are computed again */
            const int32_t first = place->out - 4;
            fours(&job, plane + first * place->stride, out + first * place->out_step, 1);
        } else if (rest) { /* some of four, which may read past the line */
            int8_t four[4];
            job.step = 1;
            fours(&job, plane, four, 1);
            for (int32_t x = 0; x < rest; x++) {
                out[x * place->out_step] = four[x];
            }
        }
        out += line->out_step;
    }
}

static void rescaled_any(const nn_dsp_depthwise_conv_2d_t *p, const int16_t *plane,
                         const int8_t *weights, const nn_dsp_channel_t *c, uint32_t *words,
                         int8_t *out) {
    convolve_any(p, plane, weights, c, words, out, false);
}

static void straight_any(const nn_dsp_depthwise_conv_2d_t *p, const int16_t *plane,
                         const int8_t *weights, const nn_dsp_channel_t *c, uint32_t *words,
                         int8_t *out) {
    convolve_any(p, plane, weights, c, words, out, true);
}

void nn_dsp_depthwise_conv_2d(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                              int8_t *scratch) {
    depthwise(p, in, out, scratch, rescaled_any, false);
}

void nn_dsp_depthwise_conv_2d_line(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in,
                                   int8_t *out, int8_t *scratch) {
    depthwise(p, in, out, scratch, straight_any, true);
}
