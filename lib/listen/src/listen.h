/* PCM -> features -> scores -> events, one hop at a time: the chain itself, the same code on chip
 * and host, so the promise "same PCM, same events" rests on one file. */
#ifndef OTOLITH_LISTEN_H
#define OTOLITH_LISTEN_H

#include <stdbool.h>
#include <stdint.h>
#include "detect.h"
#include "audio_features.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Written by `host compile` from the model's metadata (pipeline.c). */
typedef struct {
    const features_config_t *features;
    const detect_config_t *detect;
    uint16_t hop_frames; /* frames between two inferences */
    uint16_t hop;        /* samples between two inferences: hop_frames * features->hop */
    int8_t *rows;        /* 2 * frames * bands bytes for the sliding window */
} listen_config_t;

/* The pipeline linked into this image. */
extern const listen_config_t listen_config;

typedef struct {
    bool scored; /* the window was full: scores hold this hop's network output */
    bool event;  /* `detection` is new */
    uint16_t level;
    uint16_t scores[DETECT_MAX_LABELS]; /* raw, Q15 */
    const uint16_t *smoothed;           /* Q15 */
    int16_t decision;                   /* index of a label, DETECT_UNKNOWN or DETECT_NONE */
    detect_event_t detection;
    uint32_t feature_us, infer_us; /* 0 unless a clock was given */
} listen_result_t;

/* `clock_us` (may be NULL) times the two stages. 0, or negative if network and pipeline disagree.
 */
int listen_init(uint32_t (*clock_us)(void));

/* Forget what was heard; settings stay. */
void listen_reset(void);

/* Change a setting by its name in the spec, from the next hop on: "detect.gate 300",
 * "detect.threshold.<label> 0.8" (detect_settings.h). NULL, or why nothing has changed. */
const char *listen_set(const char *text);

/* The decision layer's settings in force. */
const detect_config_t *listen_detect_settings(void);

/* `on_frame` (may be NULL) sees every new frame: `bands` int16 values before quantising. */
void listen_on_frame(void (*on_frame)(const int16_t *values, uint16_t bands));

/* Push listen_config.hop samples. */
void listen_push(const int16_t *pcm, listen_result_t *result);

/* The same without network and detection: for a hop that comes while the network is busy. */
void listen_skip(const int16_t *pcm, listen_result_t *result);

/* What the network was last given, if it was: frames * bands. */
const int8_t *listen_window(void);

#ifdef __cplusplus
}
#endif
#endif
