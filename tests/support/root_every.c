/* half_root and magnitudes beside their definition, for sanitizers: root_every STEP checks every
 * power of two and its neighbours, and every STEP-th value from 2 to 2^30. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "magnitude.h"
#include "root.h"

static uint32_t checked;

static void check(uint32_t x) {
    uint32_t rest;
    const uint32_t root = half_root(x, &rest);
    const uint64_t square = 2ull * root * root, next = 2ull * (root + 1ull) * (root + 1ull);
    if (square > x || next <= x || rest != x - square) {
        printf("half_root(%u) is %u, rest %u\n", x, root, rest);
        exit(1);
    }
    int16_t out;
    magnitudes(&x, &out, 1);
    if (abs((int)out - (int)root) > 1) {
        printf("magnitude of %u is %d\n", x, out);
        exit(1);
    }
    checked++;
}

int main(int count, char **arguments) {
    const uint32_t step = (uint32_t)atoi(count > 1 ? arguments[1] : "1");
    const uint32_t last = 1u << 30;
    for (uint32_t power = 4; power <= last; power *= 2) {
        for (uint32_t x = power - 2; x <= power + 2 && x <= last; x++) {
            check(x);
        }
    }
    for (uint32_t x = 2; x <= last; x += step) {
        check(x);
    }
    printf("%u\n", checked);
    return 0;
}
