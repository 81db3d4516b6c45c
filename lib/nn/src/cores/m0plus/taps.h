/* A convolution whose weights are instructions: host/otolith/compile/cores/m0plus/taps.py writes the
 * function, MOVS MULS ADDS for a weight. A value holds two of the input's, as in plane.h: two
 * outputs a multiply. Products are summed while packed, up to where the compiler proves that they
 * fit, weight by weight.
 *
 * Constants, for each group of up to three channels: the sums to start from; those times 65537;
 * then the channels' lines (dot.h). */
#ifndef OTOLITH_NN_M0PLUS_TAPS_H
#define OTOLITH_NN_M0PLUS_TAPS_H

#include <stdint.h>

/* The function changes x, out, far, pixels. */
typedef struct {
    const int32_t *x, *constants;
    int8_t *out, *far;
    uint32_t pixels;     /* pairs of outputs, at least 1 */
    uint32_t pixel_step; /* bytes between the values of two */
    uint32_t channels;
} nn_m0_taps_t;
typedef void (*nn_m0_taps_function_t)(nn_m0_taps_t *run);

/* In C, for tests on other processors: weights [channels][rows][columns], row_step bytes between
 * rows of values. */
void nn_m0_taps(nn_m0_taps_t *run, const int8_t *weights, uint32_t rows, uint32_t columns,
                uint32_t row_step, uint32_t narrow, uint32_t fine, uint32_t is_signed);

#endif
