/* What the assembly of the kernels does with a product and with a sum, in C for other processors.
 */
#ifndef OTOLITH_NN_M0PLUS_LINE_H
#define OTOLITH_NN_M0PLUS_LINE_H

#include <stdint.h>

/* Adds the upper half of a product, rounded half up, as ASRS and ADCS do. */
static inline int32_t nn_m0_add_upper(int32_t sum, uint32_t product) {
    return sum + (int16_t)(uint16_t)(product >> 16) + (int32_t)(product >> 15 & 1u);
}

/* Turns a sum into an output by the line at `at` (dot.h). Returns where the next constants are. */
static inline const int32_t *nn_m0_requantize(const int32_t *at, int32_t sum, uint32_t narrow,
                                              uint32_t fine, uint32_t is_signed, int8_t *out) {
    const int32_t most = at[0];
    sum = sum < 0 ? 0 : sum > most ? most : sum;
    const uint32_t s = (uint32_t)sum;
    const uint32_t slope = (uint32_t)at[2], rest = s & ((1u << narrow) - 1);
    const uint32_t product = (s >> narrow) * slope + (is_signed & 2 ? rest * slope >> narrow : 0);
    uint32_t line = s * (uint32_t)at[1] + (product >> fine) + (uint32_t)at[3];
    at += 4;
    if (is_signed & 1) {
        line -= sum < at[0] ? (uint32_t)at[1] : 0;
        at += 2;
    }
    *out = (int8_t)(uint8_t)(line >> 24);
    return at;
}

#endif
