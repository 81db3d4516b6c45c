/* What NN_M0_PLANE does, in C: for tests on other processors. */
#include "plane.h"

#if !defined(__ARM_ARCH_6M__)
#include "line.h"

void nn_m0_plane(nn_m0_plane_t *run, uint32_t rows, uint32_t columns, uint32_t step,
                 uint32_t narrow, uint32_t fine, uint32_t is_signed) {
    const uint32_t taps = rows * columns;
    for (; run->rows; run->rows--, run->x += run->x_row / 4, run->out += run->out_row) {
        int8_t *out = run->out;
        for (uint32_t at = 0; at != run->columns_bytes / 4; at += step / 4) {
            const int32_t *constants = run->constants, *weights = constants + 2;
            const int32_t *x = run->x + at;
            int32_t far = constants[0];
            uint32_t both = (uint32_t)constants[1], product = 0;
            for (uint32_t tap = 0; tap < taps; tap++) {
                product += (uint32_t)*x++ * (uint32_t)*weights++;
                if (tap % columns == columns - 1) {
                    x += tap + 1 < taps ? run->row_skip / 4 : 0;
                }
                if (tap % 2 || tap + 1 == taps) {
                    both += product;
                    far = nn_m0_add_upper(far, product);
                    product = 0;
                }
            }
            const int32_t near = (int32_t)(both - ((uint32_t)far << 16));
            nn_m0_requantize(weights, near, narrow, fine, is_signed, out);
            nn_m0_requantize(weights, far, narrow, fine, is_signed, out + run->far);
            out += run->out_column;
        }
    }
}
#endif
