/* CPU load: the part of each second that was not slept. For the main loop. */
#ifndef OTOLITH_LOAD_H
#define OTOLITH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Begin the first second. */
void load_start(void);

/* Count microseconds slept: what board_sleep returned. */
void load_slept(uint32_t us);

/* Whether the second is over. */
bool load_due(void);

/* Begin the next second; returns the load of the one that is over, 0 to 1000. */
uint32_t load_take(void);

#ifdef __cplusplus
}
#endif
#endif
