/* A microphone app: sends the microphone's blocks as PCM frames when asked, and a `stats` line once
 * a second. Has the commands hello, version, stats, pcm, counter, reset and bootsel. */
#ifndef OTOLITH_PCM_STREAM_H
#define OTOLITH_PCM_STREAM_H

#include "app.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Start board, session and microphone. Call first.
 *
 * name: of the app, for `hello`. more: adds the app's own fields to `stats`, or NULL.
 * patient: while blocks are sent, read the next one only when the console has room for it. */
void pcm_stream_init(const char *name, void (*more)(json_t *line), bool patient);

/* Stop the microphone (true), or start it again (false). */
void pcm_stream_pause(bool pause);

/* Begin a turn of the main loop.
 *
 * pcm: gets the next block. Returns whether there was one; if asked for, it has been sent. */
bool pcm_stream_turn(int16_t pcm[MICROPHONE_BLOCK]);

/* End a turn: sleep if it found nothing to do. */
void pcm_stream_rest(void);

/* Whether blocks are being sent. */
bool pcm_stream_shown(void);

#ifdef __cplusplus
}
#endif
#endif
