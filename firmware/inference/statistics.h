/* What the app has done in the last second. */
#ifndef OTOLITH_STATISTICS_H
#define OTOLITH_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "listen.h"

void statistics_start(void);

/* Events of the running second. */
void statistics_hop(const listen_result_t *result);
void statistics_pdm(uint32_t us); /* time to decimate a microphone block */
void statistics_slept(uint32_t us);

/* A second is over: sum it up (t_ms: the stream's time), and send the line. Sending again repeats
 * the last sum. */
bool statistics_due(void);
void statistics_take(uint32_t t_ms);
void statistics_send(void);

#endif
