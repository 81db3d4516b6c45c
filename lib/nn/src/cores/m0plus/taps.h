/* Convolution whose weights are instructions.
 *
 * host/otolith/compile/cores/m0plus/taps.py writes the function, with MOVS MULS ADDS for a weight.
 * A word holds two input values, as in plane.h, so a multiplication serves two outputs. Packed
 * products are added as long as the compiler can prove that they fit, weight by weight.
 *
 * Constants, for each group of up to three channels: start sums; start sums times 65537; the lines
 * of the channels (dot.h). */
#ifndef OTOLITH_NN_M0PLUS_TAPS_H
#define OTOLITH_NN_M0PLUS_TAPS_H

#include <stdint.h>

/* The function changes x, out, far, pixels. */
typedef struct {
    const int32_t *x, *constants;
    int8_t *out, *far;
    uint32_t pixels;     /* number of pairs of outputs, at least 1 */
    uint32_t pixel_step; /* bytes from one pair's values to the next */
    uint32_t channels;
} nn_m0_taps_t;
typedef void (*nn_m0_taps_function_t)(nn_m0_taps_t *run);

/* The same in C, for tests on other processors. weights: [channels][rows][columns]. row_step: bytes
 * from one row of values to the next. */
void nn_m0_taps(nn_m0_taps_t *run, const int8_t *weights, uint32_t rows, uint32_t columns,
                uint32_t row_step, uint32_t narrow, uint32_t fine, uint32_t is_signed);

#endif
