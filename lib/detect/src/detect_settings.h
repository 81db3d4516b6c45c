/* The settings of the decision layer by name, as text: for the wire, and for its ranges. */
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
    const char *reason; /* said of what is out of range */
} detect_setting_t;

/* All but the thresholds. */
extern const detect_setting_t detect_settings[];
extern const uint32_t detect_setting_count;

uint16_t detect_setting_value(const detect_config_t *config, const detect_setting_t *setting);

/* NULL, or what is out of range. */
const char *detect_check(const detect_config_t *config);

/* Change one setting from the next hop on. `text` is a name, a space and a value: "gate 300",
 * "unknown_events on", "threshold 0.8" (of every class that has one in the model or by now) or
 * "threshold.<label> 0.8"; thresholds have up to five decimals, 0 = never an event. `labels`: names
 * of the classes. NULL, or why nothing has changed. */
const char *detect_set(detect_t *d, const char *const *labels, const char *text);

/* The shortest decimal that stands for a Q15 value: the returned integer over 10^*decimals. */
uint32_t detect_decimal(uint16_t q15, uint32_t *decimals);

#ifdef __cplusplus
}
#endif
#endif
