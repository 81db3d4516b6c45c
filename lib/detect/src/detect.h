/* Scores -> events: energy gate, moving average, threshold per class, suppression. */
#ifndef OTOLITH_DETECT_H
#define OTOLITH_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DETECT_MAX_LABELS = 32, DETECT_MAX_SMOOTHING = 32, DETECT_ONE = 32767 };

/* Constant settings, written by `host compile` from the model's metadata. Scores are Q15, 0..32767.
 */
typedef struct {
    uint16_t labels;
    uint16_t smoothing;     /* scores averaged, 1..DETECT_MAX_SMOOTHING */
    uint16_t minimum_count; /* scores needed since reset before any event, <= smoothing */
    uint16_t suppression;   /* hops without a new event after one */
    uint16_t gate;          /* mean |pcm| of the hop below which its scores count as 0; 0 = off */
    uint16_t threshold[DETECT_MAX_LABELS]; /* Q15; 0 = label never makes an event (background) */
} detect_config_t;

typedef struct {
    const detect_config_t *config;
    uint16_t history[DETECT_MAX_SMOOTHING][DETECT_MAX_LABELS];
    uint32_t sum[DETECT_MAX_LABELS];
    uint16_t next, count;
    uint16_t suppressed; /* hops left */
    uint16_t smoothed[DETECT_MAX_LABELS];
} detect_t;

typedef struct {
    uint16_t label;
    uint16_t score; /* smoothed, Q15 */
} detect_event_t;

/* 0, or negative if the settings are out of range. */
int detect_init(detect_t *d, const detect_config_t *config);
void detect_reset(detect_t *d);

/* Mean |sample| of a hop, rounded down. */
uint16_t detect_level(const int16_t *pcm, uint32_t samples);

/* One hop: config->labels scores (Q15) and the hop's level. True and *event filled on a detection.
 * The strongest label over its threshold wins; ties go to the lower index. */
bool detect_step(detect_t *d, const uint16_t *scores, uint16_t level, detect_event_t *event);

#ifdef __cplusplus
}
#endif
#endif
