/* Kernels for cores with the DSP extension (Cortex-M4, M33): what host/otolith/compile/cores/dsp/ puts in
 * the place of portable ones, with weights as they want them. `scratch` is memory of the arena,
 * aligned to 16; inputs may lie at any address. */
#ifndef OTOLITH_NN_DSP_KERNELS_H
#define OTOLITH_NN_DSP_KERNELS_H

#include <stdint.h>

#include "../../nn_kernels.h"

/* Sum of products -> int8, an entry an output channel; see requantize.h. The int32_t arrays the
 * compiler writes hold these four in a row. */
typedef struct {
    int32_t bias; /* with the input's offset in it */
    int32_t multiplier, round, shift;
} nn_dsp_channel_t;

typedef struct {
    const int32_t *channels; /* nn_dsp_channel_t each */
    int8_t low, high;        /* activation */
    uint8_t limited;         /* do low and high ask for more than an int8? */
} nn_dsp_out_t;

/* CONV_2D as products of patches and weights. A patch is what one output pixel sees, `segments` of
 * `segment` neighbouring bytes, each filled up to whole blocks of four. Weights go by pairs of
 * channels, blocks of four in the order 0 2 1 3 of nn_sxtb16: [pair][block][2][4], the 16-bit ones
 * doubled. Scratch: 16 * blocks bytes for the patches of two pixels, then `ring_rows` rows of input
 * with their padding, `pitch` bytes each; without padding the input's own rows serve. */
typedef struct {
    nn_window_t window;
    nn_dsp_out_t out;
    const uint32_t *weights16; /* for nn_dsp_conv_2d */
    const int8_t *weights8;    /* for nn_dsp_conv_2d_small; blocks in the order of the file */
    uint32_t blocks, segment_blocks;
    int32_t segments_a_row; /* 1, or kernel_w if dilated */
    int32_t ring_rows, pitch;
    int8_t fill; /* the input's zero point: padding */
} nn_dsp_conv_2d_t;
void nn_dsp_conv_2d(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);
void nn_dsp_conv_2d_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch);
/* 1x1, stride 1: `out` may be `in` if it has no more channels. */
void nn_dsp_pointwise(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);
void nn_dsp_pointwise_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                            int8_t *scratch);

/* DEPTHWISE_CONV_2D a channel at a time, on its plane: the channel widened to 16 bits, with
 * padding, in lines along height or width, whichever is quicker. Taps of a line lie side by side.
 * Scratch: the plane, `pitch` halves a line, then `pairs` words for every line of the kernel. */
typedef struct {
    int32_t count;             /* of lines, or of places in a line */
    int32_t before;            /* padding */
    int32_t in, out;           /* as many there are */
    int32_t in_step, out_step; /* from one to the next, in bytes */
    int32_t taps, stride;
} nn_dsp_axis_t;

typedef struct {
    nn_dsp_axis_t line, place;
    nn_dsp_out_t out;
    const int8_t *weights; /* [in_c][multiplier][line taps][place taps] */
    uint16_t batches, in_c, multiplier;
    int32_t line_dilation, pitch, pairs;
    int32_t in_size, out_size; /* of an image */
    int8_t fill;               /* the input's zero point */
} nn_dsp_depthwise_conv_2d_t;
/* For 3x3 with stride 1. `out` may be `in`, if there is one output a channel. */
void nn_dsp_depthwise_3x3(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch);
void nn_dsp_depthwise_conv_2d(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                              int8_t *scratch);

/* FULLY_CONNECTED. Weights by groups of four outputs, then one by one; in a group by blocks of four
 * inputs, as in nn_dsp_conv_2d_t: [group][block][4][4], then [output][block][4]. */
typedef struct {
    nn_dsp_out_t out;
    const uint32_t *weights16; /* for nn_dsp_fully_connected */
    const int8_t *weights8;    /* for nn_dsp_fully_connected_small */
    uint32_t batches, inputs, outputs;
} nn_dsp_fully_connected_t;
void nn_dsp_fully_connected(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out);
void nn_dsp_fully_connected_small(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out);

/* MAX_POOL_2D and AVERAGE_POOL_2D of channels in fours. Average: sums in 16 bits, so windows of up
 * to 256. */
void nn_dsp_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);
void nn_dsp_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);

/* MEAN of `inner` in fours. */
void nn_dsp_mean(const nn_mean_t *p, const int8_t *in, int8_t *out);

/* One operand of a sum: (q + offset) * 2^20 rescaled, a shift to the right. */
typedef struct {
    int32_t offset; /* times 2^21 */
    int32_t multiplier, round, shift;
    int32_t sign; /* -1, or 0 if shift is 0: then nothing is rounded twice */
} nn_dsp_operand_t;

/* ADD and SUB of tensors of one shape. */
typedef struct {
    uint32_t count;
    nn_dsp_operand_t a, b;
    int32_t multiplier, round, shift; /* nn_dsp_channel_t of the sum */
    int8_t low, high;
} nn_dsp_add_t;
void nn_dsp_add(const nn_dsp_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_dsp_sub(const nn_dsp_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
