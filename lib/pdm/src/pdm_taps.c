/* In a file of their own: where the compiler sees the values, it replaces Cortex-M0+'s one-cycle
 * multiplication by chains of shifts and additions. */
#include "pdm_taps.h"

const int32_t pdm_middle_taps[PDM_MIDDLE_TAPS / 2 + 1] = {
    159, -123, -1242, -144, 5167, 8689,
};

const int32_t pdm_last_taps[PDM_LAST_PAIRS] = {
    -3, 5, -9, 15, -23, 34, -48, 67, -93, 126, -170, 233, -326, 488, -849, 2601,
};
