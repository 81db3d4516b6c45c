/* Injection: sound that the computer sends in place of the microphone's.
 *
 * `inject N` announces N samples of PCM at MICROPHONE_RATE. The computer sends them as WIRE_PCM
 * frames of INJECT_BLOCK samples each (the last one may be shorter), numbered from 0, and keeps at
 * most INJECT_AHEAD frames on the way. The device answers `injecting`, then `more` after each
 * frame, and `injected` at the end. A broken or missing frame, or INJECT_SILENCE_MS without one,
 * ends the injection with an `error` line; a lost connection ends it silently.
 *
 * All functions are for the main loop. There is one injection at a time and nothing is allocated.
 */
#ifndef OTOLITH_INJECT_H
#define OTOLITH_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    INJECT_SILENCE_MS = 2000,         /* without a frame, after which an injection is given up */
    INJECT_BLOCK = WIRE_MAX_DATA / 2, /* samples in a frame */
    INJECT_AHEAD = 3,                 /* frames: a UART's ring has room for no more */
};

/* The app's part; all functions are required. */
typedef struct {
    const char *(*refuse)(void); /* NULL, or why no sound can be taken now */
    void (*begin)(void);         /* forget what was heard and leave the microphone */
    void (*hear)(const int16_t *pcm, uint32_t samples);
    uint32_t (*finish)(void); /* all samples have come; returns the hops heard since `begin` */
    void (*end)(void);        /* back to the microphone, after `finish` or early */
} inject_app_t;

/* Set the app's part. Call before anything else here; `app` must stay valid. */
void inject_init(const inject_app_t *app);

/* Whether the computer's sound is being heard. */
bool inject_active(void);

/* The command `inject N`, N = samples (a WIRE_NUMBER command). */
void inject_command(uint32_t samples);

/* A frame that has come in, or NULL for a broken one (wire_app_t's `frame`). */
void inject_frame(const uint8_t *payload, uint32_t size);

/* End an injection whose sender has gone. Call in every turn of the main loop. */
void inject_watch(void);

#ifdef __cplusplus
}
#endif
#endif
