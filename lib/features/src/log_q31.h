/* Natural logarithms as arm_vlog_q31 rounds them, to q8.7. */
#ifndef OTOLITH_LOG_Q31_H
#define OTOLITH_LOG_Q31_H

#include <stdint.h>

/* floor((arm_vlog_q31(x) + offset) / 2^19): from its q5.26 to q8.7. x below 2^31; offset: 0 to
 * 2^30. */
int32_t log_q31_to_q7(uint32_t x, uint32_t offset);

#endif
