/* Audio front ends in fixed point: PCM -> frames -> a sliding window of int8 for the network.
 *
 * All cores and the computer compute the same integers. No function allocates or keeps anything
 * outside its features_t. (The C library has a <features.h>, so this is audio_features.h.) */
#ifndef OTOLITH_FEATURES_H
#define OTOLITH_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What happens to a front end's values before they are quantized. DYNAMIC needs the whole window
 * and is done when the window is asked for; the others are done with each frame. */
typedef enum {
    FEATURES_LINEAR = 0, /* nothing */
    FEATURES_LOG2 = 1,   /* log2_q10.h */
    FEATURES_MINMAX = 2, /* from minimum..maximum of the band to 0..255, rounded, clamped */
    FEATURES_DYNAMIC = 3 /* from largest - range..largest of the window to 0..255, as in MLTK */
} features_compress_t;

/* int16 feature -> int8: clamp(((x * multiplier + (1 << shift >> 1)) >> shift) + zero_point).
 * multiplier 1..65535, shift 1..30: one 32-bit multiply. */
typedef struct {
    uint16_t multiplier;
    uint8_t shift;
    int8_t zero_point;
} features_quantizer_t;

struct features_frontend;

/* A front end with its settings: constant, written by `host compile` from the model's metadata. */
typedef struct {
    const struct features_frontend *frontend;
    uint16_t sample_rate;         /* Hz */
    uint16_t window, hop;         /* samples; hop <= window */
    uint16_t frames;              /* in the network's window */
    uint16_t bands;               /* values in a frame */
    features_compress_t compress; /* applied to each value before quantising */
    features_quantizer_t quantizer;
    const void *tables;               /* as spectrogram.h, mfcc.h or logmel.h declares them */
    const int16_t *minimum, *maximum; /* MINMAX: `bands` values each, minimum < maximum */
    uint16_t range;                   /* DYNAMIC: at least 1 */
} features_config_t;

enum { FEATURES_MAX_WINDOW = 512, FEATURES_MAX_BANDS = 257 };
enum { FEATURES_EVERY = 0xffff }; /* as a lead: no frame may be left out */

/* A front end: one file in lib/features and one line in features_registry.h. */
typedef struct features_frontend {
    const char *kind; /* the name in spec.toml */
    /* Returns 0, or a negative number if it does not support the settings. */
    int (*init)(void *state, const features_config_t *config);
    /* samples: `window` of them, aligned to 4 bytes. out: gets `bands` values, before compression.
     */
    void (*frame)(void *state, const int16_t *samples, int16_t *out);
    /* The rest may be NULL. Forget all sound. */
    void (*reset)(void *state);
    /* Change samples in place as they come. Each is passed once, though windows overlap. */
    void (*filter)(void *state, int16_t *samples, uint32_t count);
    /* Whether there was activity since the last call. */
    bool (*active)(void *state);
    /* How many frames it has to compute before one that is right, after others were left out, or
     * FEATURES_EVERY. NULL means FEATURES_EVERY. */
    uint16_t (*lead)(const features_config_t *config);
} features_frontend_t;

/* State of one stream; the caller's. */
typedef struct {
    const features_config_t *config;
    int8_t *rows;
    uint16_t next;         /* row the next frame goes to, 0..frames-1; the oldest one */
    uint16_t samples_held; /* in `samples`, waiting for a whole window */
    uint32_t frames_seen;  /* since reset, saturating */
    uint16_t fresh;        /* DYNAMIC: rows the window does not show yet, up to frames */
    int16_t largest;       /* DYNAMIC: what the window was made with */
    bool deferring;        /* samples go to `past`, no frame is computed */
    int16_t *past;         /* ring of samples after the filter, or NULL */
    uint32_t past_room, past_first, past_held; /* samples */
    int16_t samples[FEATURES_MAX_WINDOW] __attribute__((aligned(4)));
    int16_t values[FEATURES_MAX_BANDS]; /* newest frame, after compression */
    union {
        uint64_t align;
        uint8_t bytes[8 * FEATURES_MAX_WINDOW];
    } state; /* the front end's own */
} features_t;

/* Size of `rows` in bytes. Each int8 frame is stored twice, half the buffer apart, so the newest
 * `frames` rows always lie in one piece. DYNAMIC stores a ring of int16 and one window of int8. */
uint32_t features_rows_bytes(const features_config_t *config);

/* Begin a stream.
 *
 * config: must stay valid. rows: features_rows_bytes(config) bytes, aligned to 4, or NULL if no
 * network follows.
 * Returns 0, or a negative number if the settings are refused. */
int features_init(features_t *f, const features_config_t *config, int8_t *rows);

/* Forget all samples and frames. */
void features_reset(features_t *f);

/* Take `count` samples, 1 to config->hop; returns true if they completed a frame. Frame n covers
 * samples n * hop to n * hop + window since the reset, so a call completes at most one. How the
 * samples are divided into calls does not change a frame. */
bool features_feed(features_t *f, const int16_t *pcm, uint32_t count);

/* The same for exactly config->hop samples. */
bool features_push(features_t *f, const int16_t *pcm);

/* Give it room to keep sound instead of computing frames (features_defer). It is not used if the
 * front end needs every frame.
 *
 * past: `samples` of them, or NULL. For n frames: (n + lead) * hop + window samples. */
void features_set_past(features_t *f, int16_t *past, uint32_t samples);

/* Compute no frames from here on: features_feed keeps the samples and returns false. Frames older
 * than `past` has room for are never computed. Returns whether this is possible. */
bool features_defer(features_t *f);

/* Compute the oldest frame that was deferred; returns whether there was one. Once it returns false,
 * features_feed computes frames again. The rows are then as if no frame had been deferred. */
bool features_catch_up(features_t *f);

/* The newest frame: config->bands values after compression, before quantizing. */
const int16_t *features_frame(const features_t *f);

/* Whether config->frames frames have been seen since the reset: whether there is a window. */
bool features_ready(const features_t *f);

/* Whether there was activity since the last call; only logmel detects it. */
bool features_active(features_t *f);

/* The network's input: frames * bands int8 in one piece, oldest frame first. Valid until more
 * samples come. */
const int8_t *features_window(features_t *f);

/* Quantize `count` values (after compression) to the network's int8. */
void features_quantize(const features_quantizer_t *q, const int16_t *values, int8_t *out,
                       uint32_t count);

/* Apply FEATURES_DYNAMIC to `count` values in place: 0 to 255. */
void features_dynamic(uint16_t range, int16_t *values, uint32_t count);

/* Compute all frames of a clip; for training. Needs some 7 kB of stack.
 *
 * out: room for (samples - window) / hop + 1 frames of config->bands values. DYNAMIC takes the clip
 * as one window. active: gets for each frame whether there was activity in it, or NULL.
 * Returns the number of frames; 0 if the settings are refused or the clip is shorter than a
 * window. */
uint32_t features_extract(const features_config_t *config, const int16_t *pcm, uint32_t samples,
                          int16_t *out, bool *active);

#ifdef __cplusplus
}
#endif
#endif
