/* Products of two pixels with two channels: the inner loop of the convolutions. */
#ifndef OTOLITH_NN_DSP_DOT_H
#define OTOLITH_NN_DSP_DOT_H

#include <stdint.h>

/* Sums of two pixels (0, 1) in two channels (a, b). */
typedef struct {
    int32_t a0, a1, b0, b1;
} nn_dsp_sums_t;

/* Add the products of `blocks` blocks (patch.h) and of as many of both channels' weights, in the
 * order of patches; where the weights end. */
const int16_t *nn_dsp_dot16(const uint32_t *patch, const int16_t *weights, uint32_t blocks,
                            nn_dsp_sums_t *sums);
/* Weights in the order of the file, widened on the way. */
const int8_t *nn_dsp_dot8(const uint32_t *patch, const int8_t *weights, uint32_t blocks,
                          nn_dsp_sums_t *sums);

#endif
