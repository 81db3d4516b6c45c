#include "log2_q10.h"

/* round(1024 * log2(1 + i / 32)) */
static const int16_t mantissa[33] = {
    0,   45,  90,  132, 174, 214, 254, 292, 330, 366, 402, 436, 470, 504, 536,  568,  599,
    629, 659, 689, 717, 745, 773, 800, 827, 853, 879, 904, 929, 953, 977, 1001, 1024,
};

int16_t log2_q10(int16_t x) {
    if (x <= 0) {
        return 0;
    }
    const uint32_t v = (uint32_t)x + 1;
    uint32_t exponent = 0; /* of the leading one: 1..15 */
    for (uint32_t rest = v; rest > 1; rest >>= 1) {
        exponent++;
    }
    /* the bits behind the leading one, left-aligned in 15 */
    const uint32_t fraction = (v << (15 - exponent)) - 32768u;
    const uint32_t i = fraction >> 10, t = fraction & 1023u;
    const uint32_t step = (uint32_t)(mantissa[i + 1] - mantissa[i]);
    return (int16_t)((exponent << 10) + (uint32_t)mantissa[i] + ((step * t + 512u) >> 10));
}
