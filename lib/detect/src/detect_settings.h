/* The decision layer's settings by name: for the wire, and for the ranges. */
#ifndef OTOLITH_DETECT_SETTINGS_H
#define OTOLITH_DETECT_SETTINGS_H

#include "detect.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *name; /* as in [detect] of a spec */
    uint16_t offset;  /* in detect_config_t */
    uint16_t lowest, highest;
    bool is_switch;     /* written on and off */
    const char *reason; /* what is said of a value out of range */
} detect_setting_t;

/* All settings but the thresholds. */
extern const detect_setting_t detect_settings[];
extern const uint32_t detect_setting_count;

/* A setting's value in `config`. */
uint16_t detect_setting_value(const detect_config_t *config, const detect_setting_t *setting);

/* Check all settings. Returns NULL, or what is out of range. */
const char *detect_check(const detect_config_t *config);

/* Change one setting from the next hop on.
 *
 * labels: names of the classes. text: a name, a space and a value: "gate 300", "unknown_events on",
 * "threshold.<label> 0.8", or "threshold 0.8" for every class that has a threshold in the model or
 * now. Thresholds have up to five decimals; 0 means never an event.
 * Returns NULL, or why nothing has changed. */
const char *detect_set(detect_t *d, const char *const *labels, const char *text);

/* The shortest decimal fraction that rounds to a Q15 value: returned value / 10^*decimals. */
uint32_t detect_decimal(uint16_t q15, uint32_t *decimals);

#ifdef __cplusplus
}
#endif
#endif
