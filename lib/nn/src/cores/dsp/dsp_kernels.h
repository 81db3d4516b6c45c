/* Kernels for cores with the DSP extension (Cortex-M4, Cortex-M33).
 *
 * host/otolith/compile/cores/dsp/ chooses them and packs their weights. `scratch` is memory of the
 * arena, aligned to 16 bytes. Inputs may have any alignment. */
#ifndef OTOLITH_NN_DSP_KERNELS_H
#define OTOLITH_NN_DSP_KERNELS_H

#include <stdint.h>

#include "../../nn_kernels.h"

/* Rescales sums of products to int8 (requantize.h): one entry for each output channel. The compiler
 * writes them as int32_t arrays, four numbers an entry. */
typedef struct {
    int32_t bias; /* the input's offset is included */
    int32_t multiplier, round, shift;
} nn_dsp_channel_t;

/* Rescales them by a straight line (line.h), where one is exact. */
typedef struct {
    int32_t start; /* of the sum, the bias included */
    int32_t slope;
} nn_dsp_slope_t;

typedef struct {
    const int32_t *channels; /* nn_dsp_channel_t each; of kernels with a line, nn_dsp_slope_t */
    int8_t low, high;        /* activation */
    uint8_t limited;         /* 1 if low or high lies inside the range of int8 */
} nn_dsp_out_t;

/* CONV_2D as products of patches and weights.
 *
 * A patch is the input of one output pixel. It consists of segments of neighbouring bytes, each
 * filled up to whole blocks of four. Weights are stored as [pair of channels][block][2][4]; a block
 * has the order 0 2 1 3 of nn_sxtb16(), and 16-bit weights are doubled.
 *
 * _line computes four pixels at a time. Its weights are multiplied by a power of two of each
 * channel.
 *
 * Scratch: 16 * blocks bytes for the patches of two pixels or twice that for four, then `ring_rows`
 * rows of padded input, `pitch` bytes each. Without padding the kernel reads the input in place. */
typedef struct {
    nn_window_t window;
    nn_dsp_out_t out;
    const uint32_t *weights16; /* for nn_dsp_conv_2d and _line */
    const int8_t *weights8;    /* for nn_dsp_conv_2d_small(); blocks in the order of the file */
    uint32_t blocks, segment_blocks;
    int32_t segments_a_row; /* 1, or kernel_w if dilated */
    int32_t ring_rows, pitch;
    int8_t fill; /* the input's zero point: padding */
} nn_dsp_conv_2d_t;
void nn_dsp_conv_2d(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);
void nn_dsp_conv_2d_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch);
void nn_dsp_conv_2d_line(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);
/* For 1x1 with stride 1. `out` may be `in` if it has no more channels than `in`. */
void nn_dsp_pointwise(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);
void nn_dsp_pointwise_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                            int8_t *scratch);
void nn_dsp_pointwise_line(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                           int8_t *scratch);

/* DEPTHWISE_CONV_2D, one channel at a time.
 *
 * The channel is widened to 16 bits and padded: that is its plane. The lines of the plane run along
 * height or width, whichever is faster. Taps of a line are neighbours in memory.
 *
 * Scratch: the plane, `pitch` 16-bit values a line, then `pairs` words for each line of the kernel,
 * then what a line of fewer than four outputs reads too far. */
typedef struct {
    int32_t count;             /* number of lines, or of places in a line, with padding */
    int32_t before;            /* padding before the first */
    int32_t in, out;           /* size of input and output */
    int32_t in_step, out_step; /* bytes from one to the next */
    int32_t taps, stride;
} nn_dsp_axis_t;

typedef struct {
    nn_dsp_axis_t line, place;
    nn_dsp_out_t out;
    const int8_t *weights; /* [in_c][multiplier][line taps][place taps] */
    uint16_t batches, in_c, multiplier;
    int32_t line_dilation, pitch, pairs;
    int32_t in_size, out_size; /* bytes of an image */
    int8_t fill;               /* the input's zero point */
} nn_dsp_depthwise_conv_2d_t;
/* For 3x3 with stride 1. `out` may be `in` if each input channel has one output channel. */
void nn_dsp_depthwise_3x3(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch);
void nn_dsp_depthwise_3x3_line(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                               int8_t *scratch);
void nn_dsp_depthwise_conv_2d(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                              int8_t *scratch);
void nn_dsp_depthwise_conv_2d_line(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in,
                                   int8_t *out, int8_t *scratch);

/* FULLY_CONNECTED. Weights are stored in groups of four outputs, [group][block][4][4], and then
 * output by output, [output][block][4]. A block has four inputs, as in nn_dsp_conv_2d_t. */
typedef struct {
    nn_dsp_out_t out;
    const uint32_t *weights16; /* for nn_dsp_fully_connected and _line */
    const int8_t *weights8;    /* for nn_dsp_fully_connected_small */
    uint32_t batches, inputs, outputs;
} nn_dsp_fully_connected_t;
void nn_dsp_fully_connected(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out);
void nn_dsp_fully_connected_line(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out);
void nn_dsp_fully_connected_small(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out);

/* MAX_POOL_2D and AVERAGE_POOL_2D for a multiple of four channels. The average sums in 16 bits, so
 * a window may have up to 256 pixels. */
void nn_dsp_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);
void nn_dsp_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);

/* MEAN for a multiple of four in `inner`. */
void nn_dsp_mean(const nn_mean_t *p, const int8_t *in, int8_t *out);

/* Operands of one shape, or one that repeats: `runs` of `count` neighbouring values. step_a,
 * step_b: from one run to the next; 0 for an operand that repeats. */
typedef struct {
    uint32_t runs, count, step_a, step_b;
} nn_dsp_runs_t;

/* ADD and SUB: (a * x + b * y + start) >> shift, limited. The compiler has compared it with
 * TFLite's rounding for all pairs of inputs. */
typedef struct {
    nn_dsp_runs_t run;
    int32_t a, b, start;
    uint32_t shift;
    int8_t low, high;
} nn_dsp_add_t;
void nn_dsp_add(const nn_dsp_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

/* MUL, rescaled as in requantize.h. */
typedef struct {
    nn_dsp_runs_t run;
    int32_t a_offset, b_offset;
    uint32_t left; /* 1, or more for multipliers of 1 and above */
    int32_t multiplier, round;
    uint32_t shift;
    int32_t sign; /* -1; 0 if shift is 0, because then nothing is rounded twice */
    int8_t low, high;
} nn_dsp_mul_t;
void nn_dsp_mul(const nn_dsp_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
