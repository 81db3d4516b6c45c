/* One stream of sound through the chain: from the microphone, or injected. */
#ifndef OTOLITH_STREAM_H
#define OTOLITH_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "inject.h"

/* What is told besides detections, and changed by commands. */
typedef struct {
    bool scores;   /* a `scores` line for every scored hop */
    bool features; /* a WIRE_FEATURES frame for every feature frame */
    bool pcm;      /* a WIRE_PCM frame for every block from the microphone */
} stream_show_t;

extern stream_show_t stream_show;

/* Prepare chain and microphone. */
void stream_start(void);

/* Why the chain can't run, or NULL. */
const char *stream_fault(void);

/* Hear a block from the microphone, if there is one; returns whether there was. During an injection
 * the microphone's blocks are skipped. */
bool stream_hear(void);

/* Begin anew: what the microphone hears from here on replays on a computer. */
void stream_restart(void);

/* Time of the newest sample in the stream, milliseconds. */
uint32_t stream_ms(void);

/* How injected sound gets into the chain. */
extern const inject_app_t stream_inject;

#endif
