/* How busy the CPU is: what was not slept of each second. */
#ifndef OTOLITH_LOAD_H
#define OTOLITH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

void load_start(void);

/* What board_sleep said. */
void load_slept(uint32_t us);

/* A second is over: its load in thousandths; the next one starts. */
bool load_due(void);
uint32_t load_take(void);

#ifdef __cplusplus
}
#endif
#endif
