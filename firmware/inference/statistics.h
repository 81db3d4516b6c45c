/* What the app has done in the last second. */
#ifndef OTOLITH_STATISTICS_H
#define OTOLITH_STATISTICS_H

#include <stdint.h>

#include "listen.h"

/* Events of the running second. */
void statistics_hop(const listen_result_t *result);
void statistics_pdm(uint32_t us); /* time to decimate a microphone block */

/* A second is over: sum it up (t_ms: the stream's time), and send the line. Sending again repeats
 * the last sum. */
void statistics_take(uint32_t t_ms);
void statistics_send(void);

#endif
