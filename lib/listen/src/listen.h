/* The listening chain: PCM -> features -> scores -> events.
 *
 * The same file runs on the chip and on the computer, so the same PCM gives the same features,
 * scores and events on both. There is one chain in an image: its state is static, it allocates
 * nothing, and its functions are for the main loop, never for an interrupt.
 *
 *     listen_result_t result;
 *     while (samples > 0) {
 *         const uint32_t taken = listen_feed(pcm, samples, &result);
 *         pcm += taken;
 *         samples -= taken;
 *         if (result.complete && result.event) {
 *             ... result.detection ...
 *         }
 *     }
 */
#ifndef OTOLITH_LISTEN_H
#define OTOLITH_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include "detect.h"
#include "audio_features.h"
#include "nn.h"

/* Number of networks in this image. They share the front end (listen_several.h). */
#ifndef LISTEN_MODELS
#define LISTEN_MODELS 1
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Front end and decision layer of one model. `host compile` writes it to pipeline.c from the
 * model's metadata. */
typedef struct {
    const features_config_t *features;
    const detect_config_t *detect;
    uint16_t hop_frames; /* frames between two inferences, at least 1 */
    uint16_t hop;        /* samples between two inferences: hop_frames * features->hop */
    int8_t *rows;        /* features_rows_bytes(features) bytes for the sliding window */
    int16_t *past;       /* for sound that is heard while the front end rests, or NULL */
    uint32_t past_size;  /* samples: (window's frames + lead) * features->hop + features->window */
} listen_config_t;

/* The model linked into this image. */
extern const listen_config_t listen_config;

/* What one hop gave. */
typedef struct {
    bool complete;  /* the hop has ended; if false, nothing else here is valid */
    bool scored;    /* the window was full and the network ran: `scores` are new */
    bool event;     /* `detection` is new */
    bool rested;    /* the gate was closed and the network did not run (listen_rest) */
    uint16_t level; /* mean |sample| of the hop */
    uint16_t scores[DETECT_MAX_LABELS]; /* by label, Q15, before smoothing */
    const uint16_t *smoothed;           /* by label, Q15; valid until the next hop */
    int16_t decision;                   /* index of a label, DETECT_UNKNOWN or DETECT_NONE */
    detect_event_t detection;
    uint32_t feature_us, infer_us; /* time of front end and network; 0 without a clock */
} listen_result_t;

/* Prepare the chain. Call once, before anything else here.
 *
 * clock_us: a microsecond clock that times the two stages, or NULL.
 * Returns 0, or a negative number if the network and listen_config do not fit together; no other
 * function may be called then. */
int listen_init(uint32_t (*clock_us)(void));

/* Forget all sound heard so far, a hop half heard included. Settings stay. */
void listen_reset(void);

/* Change a setting of the decision layer from the next hop on.
 *
 * text: its name in the spec, a space and the value: "detect.gate 300" or
 * "detect.threshold.<label> 0.8" (detect_settings.h has them all). With several networks the
 * model's name comes first: "okay_nabu.detect.gate 300".
 * Returns NULL, or the reason in a few words; then nothing has changed. */
const char *listen_set(const char *text);

/* Whether networks rest while their gate is closed; they do not after listen_init.
 *
 * Scores count as 0 then, whatever they are, so events, decisions and smoothed scores stay the
 * same, also if this changes while listening. Only `scores` are missing. Stateful networks never
 * rest. Nor do those that keep rows between hops if a full pass, which follows a rest, takes more
 * than half a hop by the clock.
 *
 * If all networks rest, the front end does too, given listen_config.past: it keeps the sound that
 * the window at the opening reaches back to, and computes the missing frames when a gate opens, or
 * at the next sound after listen_rest(false). Those frames do not go to listen_on_frame's function.
 * The front end goes on if it has to hear every frame (logmel's noise reduction and activity), or
 * if computing the missing frames and a hop could take more than LISTEN_LATE_MS by the clock. */
enum { LISTEN_LATE_MS = 400 }; /* the microphone's blocks hold 512 ms of sound */
void listen_rest(bool on);

/* The decision layer's settings in force, of the first network. */
const detect_config_t *listen_detect_settings(void);

/* Have `on_frame` called with every new feature frame: `bands` int16 values before quantising,
 * valid during the call. NULL ends that. */
void listen_on_frame(void (*on_frame)(const int16_t *values, uint16_t bands));

/* Hear samples in blocks of any size, up to the end of the running hop.
 *
 * pcm: int16 at the model's sample rate. samples: how many; 0 is allowed.
 * result: one, or LISTEN_MODELS of them, in the order of listen_models.
 * Returns how many were taken: all of them, or fewer because the hop has ended. At the end of a
 * hop result->complete is true and *result tells what the hop gave. Call again with the rest.
 * Block sizes do not matter: features, scores and events are those of listen_push. The chain keeps
 * no copy of the hop, only what the front end's next window needs. */
uint32_t listen_feed(const int16_t *pcm, uint32_t samples, listen_result_t *result);

/* Samples missing to the end of the running hop, 1 to listen_config.hop. */
uint32_t listen_missing(void);

/* Hear a whole hop: listen_config.hop samples. Only between hops: after listen_feed has completed
 * one, or after a reset. */
void listen_push(const int16_t *pcm, listen_result_t *result);

/* The same without network and decision layer: a hop that comes while the network is busy. */
void listen_skip(const int16_t *pcm, listen_result_t *result);

/* The network's input at the newest hop that was scored: frames * bands int8, oldest frame first.
 * Valid until more sound is heard. */
const int8_t *listen_window(void);

#ifdef __cplusplus
}
#endif
#endif
