/* The kernels of the compiled engine: int8, NHWC, one file for each operation in ops/.
 *
 * The code that `host compile` writes calls them one after another. Each takes constant settings
 * that the compiler computed. A kernel for a certain core may replace a kernel with the same
 * arguments. Results equal those of TensorFlow Lite Micro's reference kernels bit for bit. The
 * compiler checks shapes; the kernels do not. */
#ifndef OTOLITH_NN_KERNELS_H
#define OTOLITH_NN_KERNELS_H

#include <stdint.h>
#include <string.h>

#include "nn.h"

/* The window of a convolution or pooling, which moves over height and width. */
typedef struct {
    uint16_t batches;
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_h, pad_w; /* above and to the left */
} nn_window_t;

/* Rescales a sum to int8. multiplier and shift have one entry for each channel, or a single one if
 * per_channel is 0. */
typedef struct {
    const int32_t *multiplier;
    const int8_t *shift;
    uint8_t per_channel;
    int8_t zero_point; /* of the output */
    int8_t low, high;  /* activation */
} nn_requantize_t;

typedef struct {
    nn_window_t window;
    nn_requantize_t out;
    const int8_t *weights; /* [out_c][kernel_h][kernel_w][in_c] */
    const int32_t *bias;   /* [out_c] or NULL */
    int16_t in_offset;     /* minus the input's zero point */
} nn_conv_2d_t;
void nn_conv_2d(const nn_conv_2d_t *p, const int8_t *in, int8_t *out);

typedef struct {
    nn_window_t window;
    nn_requantize_t out;
    const int8_t *weights; /* [out_c][kernel_h][kernel_w] */
    const int32_t *bias;
    int16_t in_offset;
    uint16_t multiplier; /* output channels for each input channel */
} nn_depthwise_conv_2d_t;
void nn_depthwise_conv_2d(const nn_depthwise_conv_2d_t *p, const int8_t *in, int8_t *out);

typedef struct {
    nn_requantize_t out;
    const int8_t *weights; /* [outputs][inputs] */
    const int32_t *bias;
    uint32_t batches, inputs, outputs;
    int16_t in_offset, weight_offset;
} nn_fully_connected_t;
void nn_fully_connected(const nn_fully_connected_t *p, const int8_t *in, int8_t *out);

typedef struct {
    nn_window_t window;
    int8_t low, high;
} nn_pool_2d_t;
void nn_max_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);
void nn_average_pool_2d(const nn_pool_2d_t *p, const int8_t *in, int8_t *out);

/* Mean over neighbouring axes: in [outer][count][inner], out [outer][inner]. */
typedef struct {
    uint32_t outer, count, inner;
    int32_t in_sum_offset; /* minus zero point * count */
    int32_t multiplier, shift;
    int8_t zero_point;
} nn_mean_t;
void nn_mean(const nn_mean_t *p, const int8_t *in, int8_t *out);

/* Two operands with up to four dimensions. An operand is repeated along an axis of stride 0. */
typedef struct {
    uint16_t dims[4];
    uint32_t stride_a[4], stride_b[4];
} nn_broadcast_t;

typedef struct {
    nn_broadcast_t shape;
    int16_t a_offset, b_offset;
    int32_t a_multiplier, b_multiplier, out_multiplier;
    int8_t a_shift, b_shift, out_shift; /* 0 or less */
    int8_t zero_point, low, high;
} nn_add_t;
void nn_add(const nn_add_t *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_sub(const nn_add_t *p, const int8_t *a, const int8_t *b, int8_t *out); /* a - b */

typedef struct {
    nn_broadcast_t shape;
    int16_t a_offset, b_offset;
    int32_t multiplier;
    int8_t shift;
    int8_t zero_point, low, high;
} nn_mul_t;
void nn_mul(const nn_mul_t *p, const int8_t *a, const int8_t *b, int8_t *out);

typedef struct {
    nn_broadcast_t shape;
} nn_maximum_t;
void nn_maximum(const nn_maximum_t *p, const int8_t *a, const int8_t *b, int8_t *out);
void nn_minimum(const nn_maximum_t *p, const int8_t *a, const int8_t *b, int8_t *out);

typedef struct {
    uint16_t in[4], before[4], after[4];
    int8_t value;
} nn_pad_t;
void nn_pad(const nn_pad_t *p, const int8_t *in, int8_t *out);

/* row and column: source row of each output row, source column of each output column. */
typedef struct {
    uint16_t batches, in_h, in_w, out_h, out_w, channels;
    const uint16_t *row, *column;
} nn_resize_nearest_neighbor_t;
void nn_resize_nearest_neighbor(const nn_resize_nearest_neighbor_t *p, const int8_t *in,
                                int8_t *out);

/* SVDF: `rank` filters a unit, each with a row of feature and time weights. `state` has `memory`
 * values of each filter, oldest first. */
typedef struct {
    const int8_t *feature, *time;
    const int32_t *bias; /* of the units, or NULL */
    uint16_t batches, inputs, units, rank, memory;
    int16_t in_offset;
    int8_t state_zero, zero_point;   /* of state and output */
    int32_t multiplier[2], shift[2]; /* of the feature's sum, of the time's sum */
} nn_svdf_t;
void nn_svdf(const nn_svdf_t *p, const int8_t *in, int8_t *state, int8_t *out);

typedef struct {
    nn_svdf_t shape; /* its time is NULL */
    const int16_t *time;
} nn_svdf_16_t;
void nn_svdf_16(const nn_svdf_16_t *p, const int8_t *in, int8_t *state, int8_t *out);

/* UNIDIRECTIONAL_SEQUENCE_LSTM. Weights of a gate: [cells][inputs] and [cells][cells]. */
typedef struct {
    const int8_t *input, *recurrent;
    const int32_t *bias;
    int32_t input_multiplier, recurrent_multiplier;
    int8_t input_shift, recurrent_shift;
} nn_lstm_gate_t;

typedef struct {
    nn_lstm_gate_t gates[4]; /* input, forget, cell, output */
    uint16_t batches, steps, inputs, cells;
    uint16_t step_items, batch_items; /* rows from one step, one batch to the next */
    int16_t in_offset, hidden_offset;
    int16_t clip; /* of the cell; 0 for none */
    int32_t tanh_multiplier, tanh_shift;
    int32_t multiplier[3]; /* of kept cell, of new cell, of hidden state */
    int8_t shift[3];
} nn_lstm_t;
/* hidden: int8 [batches][cells]; cells: int16 [batches][cells] */
void nn_lstm(const nn_lstm_t *p, const int8_t *in, int8_t *hidden, int8_t *cells, int8_t *out);

/* exp[d] is e^(-d * scale * beta) in Q31, for a value d below the row's maximum. Distances from
 * `distances` on count as 0. */
typedef struct {
    uint32_t rows, depth;
    const int32_t *exp;
    uint16_t distances;
} nn_softmax_t;
void nn_softmax(const nn_softmax_t *p, const int8_t *in, int8_t *out);

/* Any function of one int8, such as LOGISTIC: out = table[q + 128]. */
typedef struct {
    uint32_t count;
    const int8_t *table;
} nn_lookup_t;
void nn_lookup(const nn_lookup_t *p, const int8_t *in, int8_t *out);

/* RELU and QUANTIZE: out = clamp(rescale(q + in_offset) + zero_point). */
typedef struct {
    uint32_t count;
    int16_t in_offset;
    int32_t multiplier, shift;
    int8_t zero_point, low, high;
} nn_requantize_all_t;
void nn_requantize_all(const nn_requantize_all_t *p, const int8_t *in, int8_t *out);

/* Copies a block: dims[0] * dims[1] * dims[2] * dims[3] runs of `run` bytes. Steps are the bytes
 * from one run to the next along each dimension; those of the input may be negative. */
typedef struct {
    uint32_t dims[4];
    int32_t in_step[4];
    uint32_t out_step[4];
    uint32_t run;
} nn_move_t;
void nn_move(const nn_move_t *p, const int8_t *in, int8_t *out);

/* Moves a window of kept + step bytes: its last `kept` bytes become its first. */
void nn_shift(int8_t *window, uint32_t step, uint32_t kept);

/* Moves a window by `step` bytes through a ring, and returns the ring's next first byte.
 *
 * The ring has 2 * kept + step bytes, and `kept` is a multiple of `step`. at: where the window
 * begins now. Only the newest `step` bytes are copied, to the place where windows from the start of
 * the ring will need them. */
uint32_t nn_turn(int8_t *window, uint32_t at, uint32_t step, uint32_t kept);

/* RELU6: out = clamp(q). */
typedef struct {
    uint32_t count;
    int8_t low, high;
} nn_clamp_all_t;
void nn_clamp_all(const nn_clamp_all_t *p, const int8_t *in, int8_t *out);

#endif
