/* Keeps rows in scratch that the next row of outputs needs too. */
#ifndef OTOLITH_NN_M0PLUS_KEEP_ROWS_H
#define OTOLITH_NN_M0PLUS_KEEP_ROWS_H

#include <stdint.h>
#include <string.h>

/* Moves `count` rows of `bytes` bytes up by `by` rows. */
static inline void nn_m0_keep_rows(int8_t *rows, int32_t count, int32_t by, int32_t bytes) {
    for (int32_t y = 0; y < count; y++, rows += bytes) {
        memcpy(rows, rows + by * bytes, (size_t)bytes);
    }
}

#endif
