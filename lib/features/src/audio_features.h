/* Named so, because <features.h> is the C library's. */
/* Audio front ends in fixed point: PCM -> frames -> a sliding window of int8 for the network.
 * Same integers on every core and on the host. */
#ifndef OTOLITH_FEATURES_H
#define OTOLITH_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What happens to a front end's values before the network's quantizer. DYNAMIC looks at the whole
 * window, so it is done when the window is asked for; the others belong to the frame. */
typedef enum {
    FEATURES_LINEAR = 0, /* nothing */
    FEATURES_LOG2 = 1,   /* log2_q10.h */
    FEATURES_MINMAX = 2, /* minimum..maximum of its band -> 0..255, rounded, clamped */
    FEATURES_DYNAMIC = 3 /* (largest of the window - range)..(largest) -> 0..255, as MLTK has it */
} features_compress_t;

/* int16 feature -> int8: clamp(((x * multiplier + (1 << shift >> 1)) >> shift) + zero_point).
 * multiplier 1..32767, shift 1..30: one 32-bit multiply. */
typedef struct {
    int16_t multiplier;
    uint8_t shift;
    int8_t zero_point;
} features_quantizer_t;

struct features_frontend;

/* One front end with its settings; constant, written by `host compile` from the model's metadata.
 */
typedef struct {
    const struct features_frontend *frontend;
    uint16_t sample_rate;         /* Hz */
    uint16_t window, hop;         /* samples; hop <= window */
    uint16_t frames;              /* in the network's window */
    uint16_t bands;               /* values a frame */
    features_compress_t compress; /* applied to each value before quantising */
    features_quantizer_t quantizer;
    const void *tables;               /* the front end's own (mfcc.h, logmel.h), or NULL */
    const int16_t *minimum, *maximum; /* FEATURES_MINMAX: bands values each, minimum < maximum */
    uint16_t range;                   /* FEATURES_DYNAMIC: at least 1 */
} features_config_t;

enum { FEATURES_MAX_WINDOW = 512, FEATURES_MAX_BANDS = 257 };

/* A front end: one file in lib/features, one line in the registry (features_registry.h). */
typedef struct features_frontend {
    const char *kind; /* the name in spec.toml */
    /* 0, or negative if the settings are not supported. */
    int (*init)(void *state, const features_config_t *config);
    /* window samples in (aligned to 4), bands values out (int16, before compression). */
    void (*frame)(void *state, const int16_t *samples, int16_t *out);
    /* The rest may be NULL. Forget what was heard. */
    void (*reset)(void *state);
    /* Change samples as they come, each once: overlapping windows share them. */
    void (*filter)(void *state, int16_t *samples, uint32_t count);
    /* Whether activity was heard since the last call. */
    bool (*active)(void *state);
} features_frontend_t;

/* State of one stream. Caller-owned and static. */
typedef struct {
    const features_config_t *config;
    int8_t *rows;
    uint16_t next;         /* row the next frame goes to, 0..frames-1; the oldest one */
    uint16_t samples_held; /* in `samples`, waiting for a whole window */
    uint32_t frames_seen;  /* since reset, saturating */
    uint16_t fresh;        /* DYNAMIC: rows the window does not show yet, up to frames */
    int16_t largest;       /* DYNAMIC: what the window was made with */
    int16_t samples[FEATURES_MAX_WINDOW] __attribute__((aligned(4)));
    int16_t values[FEATURES_MAX_BANDS]; /* newest frame, after compression */
    union {
        uint64_t align;
        uint8_t bytes[8 * FEATURES_MAX_WINDOW];
    } state; /* the front end's own */
} features_t;

/* Bytes of `rows`: each frame of int8 stands there twice, half the buffer apart, so the newest
 * `frames` rows always lie in one piece. DYNAMIC keeps a ring of int16 and one window of int8. */
uint32_t features_rows_bytes(const features_config_t *config);

/* `rows`: features_rows_bytes(config) bytes, aligned to 4, or NULL where no network follows.
 * 0, or negative if the settings are refused. */
int features_init(features_t *f, const features_config_t *config, int8_t *rows);

/* Forget all samples and frames. */
void features_reset(features_t *f);

/* Take `count` samples, 1 to config->hop; returns true if they completed a frame. Frame n covers
 * samples n * hop to n * hop + window since the reset, so a call completes at most one. How the
 * samples are divided into calls does not change a frame. */
bool features_feed(features_t *f, const int16_t *pcm, uint32_t count);

/* The same for exactly config->hop samples. */
bool features_push(features_t *f, const int16_t *pcm);

/* Newest frame: config->bands values, int16, after compression, before quantising. */
const int16_t *features_frame(const features_t *f);

/* True once config->frames frames have been seen since reset. */
bool features_ready(const features_t *f);

/* Whether the front end heard activity since the last call (logmel with activity detection). */
bool features_active(features_t *f);

/* frames * bands int8, oldest frame first, contiguous; valid until the next push. */
const int8_t *features_window(features_t *f);

/* `count` values (after compression) to the network's int8. */
void features_quantize(const features_quantizer_t *q, const int16_t *values, int8_t *out,
                       uint32_t count);

/* FEATURES_DYNAMIC for `count` values in place: 0..255. */
void features_dynamic(uint16_t range, int16_t *values, uint32_t count);

/* All frames of a whole clip: (returned frames) * bands values to `out`, which must hold
 * (samples - window) / hop + 1 frames; DYNAMIC takes them as one window. `active` (may be NULL)
 * gets for each frame whether activity was heard in it. 0 if the settings are refused or the clip
 * is shorter than a window. For training; keeps its state on the stack. */
uint32_t features_extract(const features_config_t *config, const int16_t *pcm, uint32_t samples,
                          int16_t *out, bool *active);

#ifdef __cplusplus
}
#endif
#endif
