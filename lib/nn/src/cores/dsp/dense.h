/* Four outputs of a dense layer at a time: the inner loop of FULLY_CONNECTED. */
#ifndef OTOLITH_NN_DSP_DENSE_H
#define OTOLITH_NN_DSP_DENSE_H

#include <stdint.h>

/* The assembly in dense.c relies on this order. */
typedef struct {
    const int8_t *in, *end;  /* inputs in whole blocks of four */
    const uint32_t *weights; /* as in nn_dsp_fully_connected_t */
    const void *channels;    /* nn_dsp_channel_t, or nn_dsp_slope_t of nn_dsp_dense_line() */
    int8_t *out;
    uint32_t groups;             /* of four outputs; at least 1 */
    uint32_t has_rest, rest;     /* whether more inputs follow, and these, filled with zeros */
    uint32_t limited, low, high; /* low and high are repeated four times in a word */
} nn_dsp_dense_t;

void nn_dsp_dense(const nn_dsp_dense_t *job);
void nn_dsp_dense_line(const nn_dsp_dense_t *job);

#endif
