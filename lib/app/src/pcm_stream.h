/* A microphone app: the microphone's blocks, as PCM frames on the console when asked, its commands
 * and its statistics, once a second. */
#ifndef OTOLITH_PCM_STREAM_H
#define OTOLITH_PCM_STREAM_H

#include "app.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Board, session and microphone; `name` of the app; `more`, which may be NULL, adds its own fields
 * to the statistics. `patient`: a block that is to be sent waits until the console has room. Call
 * first. */
void pcm_stream_init(const char *name, void (*more)(json_t *line), bool patient);

/* The microphone is off, and on again. */
void pcm_stream_pause(bool pause);

/* Start of each turn of the main loop. True if there was a block; it went to the console already.
 */
bool pcm_stream_turn(int16_t pcm[MICROPHONE_BLOCK]);

/* End of each turn: sleep if there is nothing to do. */
void pcm_stream_rest(void);

bool pcm_stream_shown(void); /* on the console */

#ifdef __cplusplus
}
#endif
#endif
