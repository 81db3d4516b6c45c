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

typedef struct {
    const int32_t *channels; /* nn_dsp_channel_t each */
    int8_t low, high;        /* activation */
    uint8_t limited;         /* 1 if low or high lies inside the range of int8 */
} nn_dsp_out_t;

/* CONV_2D as products of patches and weights.
 *
 * A patch is the input of one output pixel. It consists of segments of neighbouring bytes, each
 * filled up to whole blocks of four. Weights are stored as [pair of channels][block][2][4]; a block
 * has the order 0 2 1 3 of nn_sxtb16(), and 16-bit weights are doubled.
 *
 * Scratch: 16 * blocks bytes for the patches of two pixels, then `ring_rows` rows of padded input,
 * `pitch` bytes each. Without padding the kernel reads the input in place. */
typedef struct {
    nn_window_t window;
    nn_dsp_out_t out;
    const uint32_t *weights16; /* for nn_dsp_conv_2d */
    const int8_t *weights8;    /* for nn_dsp_conv_2d_small(); blocks in the order of the file */
    uint32_t blocks, segment_blocks;
    int32_t segments_a_row; /* 1, or kernel_w if dilated */
    int32_t ring_rows, pitch;
    int8_t fill; /* the input's zero point: padding */
} nn_dsp_conv_2d_t;
void nn_dsp_conv_2d(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);
void nn_dsp_conv_2d_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                          int8_t *scratch);
/* For 1x1 with stride 1. `out` may be `in` if it has no more channels than `in`. */
void nn_dsp_pointwise(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out, int8_t *scratch);
void nn_dsp_pointwise_small(const nn_dsp_conv_2d_t *p, const int8_t *in, int8_t *out,
                            int8_t *scratch);

/* DEPTHWISE_CONV_2D, one channel at a time.
 *
 * The channel is widened to 16 bits and padded: that is its plane. The lines of the plane run along
 * height or width, whichever is faster. Taps of a line are neighbours in memory.
 *
 * Scratch: the plane, `pitch` 16-bit values a line, then `pairs` words for each line of the kernel.
 */
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
void nn_dsp_depthwise_conv_2d(const nn_dsp_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out,
                              int8_t *scratch);

/* FULLY_CONNECTED. Weights are stored in groups of four outputs, [group][block][4][4], and then
 * output by output, [output][block][4]. A block has four inputs, as in nn_dsp_conv_2d_t. */
typedef struct {
    nn_dsp_out_t out;
    const uint32_t *weights16; /* for nn_dsp_fully_connected */
    const int8_t *weights8;    /* for nn_dsp_fully_connected_small */
    uint32_t batches, inputs, outputs;
} nn_dsp_fully_connected_t;
void nn_dsp_fully_connected(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out);
void nn_dsp_fully_connected_small(const nn_dsp_fully_connected_t *p, const int8_t *in, int8_t *out);

/* MAX_POOL_2D and AVERAGE_POOL_2D for a multiple of four channels. The average sums in 16 bits, so
 * a window may have up to 256 pixels. */
void nn_dsp_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);
void nn_dsp_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);

/* MEAN for a multiple of four in `inner`. */
void nn_dsp_mean(const nn_mean_t *p, const int8_t *in, int8_t *out);

/* One operand of a sum: (q + offset) * 2^20, rescaled with a shift to the right. */
typedef struct {
    int32_t offset; /* times 2^21 */
    int32_t multiplier, round, shift;
    int32_t sign; /* -1; 0 if shift is 0, because then nothing is rounded twice */
} nn_dsp_operand_t;

/* ADD and SUB of tensors of one shape. */
typedef struct {
    uint32_t count;
    nn_dsp_operand_t a, b;
    int32_t multiplier, round, shift; /* of the sum, as in nn_dsp_channel_t */
    int8_t low, high;
} nn_dsp_add_t;
void nn_dsp_add(const nn_dsp_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_dsp_sub(const nn_dsp_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);

#endif
