#include "log2_q10.h"

#include "leading_zeros.h"

/* round(1024 * log2(1 + i / 32)) */
static const int16_t mantissa[33] = {
    0,   45,  90,  132, 174, 214, 254, 292, 330, 366, 402, 436, 470, 504, 536,  568,  599,
    629, 659, 689, 717, 745, 773, 800, 827, 853, 879, 904, 929, 953, 977, 1001, 1024,
};

int16_t log2_q10(int16_t x) {
    if (x <= 0) {
        return 0;
    }
    const uint32_t v = (uint32_t)x + 1, zeros = leading_zeros(v);
    /* after the leading one: 5 bits choose a step, 10 more the place on it */
    const uint32_t i = v << zeros << 1 >> 27, t = v << zeros << 6 >> 22;
    const uint32_t step = (uint32_t)(mantissa[i + 1] - mantissa[i]);
    return (int16_t)(((31 - zeros) << 10) + (uint32_t)mantissa[i] + ((step * t + 512u) >> 10));
}
