#include "detect_settings.h"

#include <stddef.h>
#include <string.h>

#define NUMBER(name, field, lowest, highest)                                                       \
    {                                                                                              \
#name, offsetof(detect_config_t, field), lowest, highest, false,                           \
            #name " must be a whole number " #lowest " to " #highest                               \
    }
#define SWITCH(name, field)                                                                        \
    { #name, offsetof(detect_config_t, field), 0, 1, true, #name " must be on or off" }

const detect_setting_t detect_settings[] = {
    NUMBER(gate, gate, 0, 32767),
    SWITCH(gate_activity, gate_activity),
    NUMBER(gate_delay, gate_delay, 0, 31),
    NUMBER(gate_backoff, gate_backoff, 0, 65535),
    NUMBER(smoothing, smoothing, 1, 32),
    NUMBER(minimum_count, minimum_count, 1, 32),
    NUMBER(suppression_hops, suppression, 0, 65535),
    NUMBER(vote, vote, 0, 32),
    SWITCH(unknown_events, unknown_events),
};
const uint32_t detect_setting_count = sizeof detect_settings / sizeof *detect_settings;

_Static_assert(DETECT_MAX_HISTORY == 32 && DETECT_MAX_DELAY == 31 && DETECT_ONE == 32767,
               "the ranges above");

/* Thresholds as text: five decimals tell all Q15 values apart. */
enum { DECIMALS = 5, UNIT = 100000 };

static uint16_t to_q15(uint32_t hundred_thousandths) {
    return (uint16_t)((hundred_thousandths * DETECT_ONE + UNIT / 2) / UNIT);
}

uint32_t detect_decimal(uint16_t q15, uint32_t *decimals) {
    uint32_t unit = 10, value;
    for (*decimals = 1;; ++*decimals, unit *= 10) {
        value = (q15 * unit + DETECT_ONE / 2) / DETECT_ONE;
        if (*decimals == DECIMALS || to_q15(value * (UNIT / unit)) == q15) {
            return value;
        }
    }
}

uint16_t detect_setting_value(const detect_config_t *config, const detect_setting_t *setting) {
    uint16_t value;
    memcpy(&value, (const uint8_t *)config + setting->offset, sizeof value);
    return value;
}

const char *detect_check(const detect_config_t *config) {
    if (config->labels < 1 || config->labels > DETECT_MAX_LABELS) {
        return "labels must be 1 to 32";
    }
    for (uint32_t i = 0; i < detect_setting_count; i++) {
        const uint16_t value = detect_setting_value(config, &detect_settings[i]);
        if (value < detect_settings[i].lowest || value > detect_settings[i].highest) {
            return detect_settings[i].reason;
        }
    }
    if (config->minimum_count > config->smoothing) {
        return "minimum_count must not be above smoothing";
    }
    if (config->gate_activity && !config->tells_activity) {
        return "gate_activity: this model's front end detects no activity";
    }
    for (uint32_t i = 0; i < config->labels; i++) {
        if (config->threshold[i] > DETECT_ONE) {
            return "threshold must be 0 to 1";
        }
    }
    return NULL;
}

/* Decimal, all of `text`: value * 10^decimals, up to `highest` (below 10^8). */
static bool parse(const char *text, uint32_t decimals, uint32_t highest, uint32_t *value) {
    bool point = false, digits = false;
    *value = 0;
    for (; *text; text++) {
        if (*text == '.' && digits && !point && decimals > 0) {
            point = true;
            digits = false; /* some must follow */
            continue;
        }
        const uint32_t digit = (uint32_t)(uint8_t)*text - '0';
        if (digit > 9 || (point && decimals-- == 0)) {
            return false;
        }
        digits = true;
        *value = *value * 10 + digit;
        if (*value > highest) {
            return false;
        }
    }
    for (; decimals > 0 && *value <= highest; decimals--) {
        *value *= 10;
    }
    return digits && *value <= highest;
}

static bool parse_setting(const detect_setting_t *setting, const char *text, uint32_t *value) {
    if (!setting->is_switch) {
        return parse(text, 0, setting->highest, value) && *value >= setting->lowest;
    }
    *value = strcmp(text, "on") == 0;
    return *value || strcmp(text, "off") == 0;
}

static bool is(const char *word, const char *text, size_t size) {
    return strlen(word) == size && memcmp(word, text, size) == 0;
}

/* `which`: nothing, or a point and a label. */
static const char *set_threshold(const detect_t *d, detect_config_t *config,
                                 const char *const *labels, const char *which, size_t size,
                                 const char *text) {
    uint32_t value;
    if (!parse(text, DECIMALS, UNIT, &value)) {
        return "threshold must be 0 to 1, with up to 5 decimals";
    }
    bool any = false;
    for (uint32_t i = 0; i < config->labels; i++) {
        const bool mine = size > 0 ? is(labels[i], which + 1, size - 1)
                                   : d->model->threshold[i] > 0 || config->threshold[i] > 0;
        if (mine) {
            config->threshold[i] = to_q15(value);
            any = true;
        }
    }
    return any ? NULL : size > 0 ? "the model has no such class" : "no class has a threshold";
}

const char *detect_set(detect_t *d, const char *const *labels, const char *text) {
    static const char threshold[] = "threshold";
    const char *space = strrchr(text, ' '); /* labels may hold some */
    if (space == NULL) {
        return "a setting's name and its value are needed";
    }
    const size_t size = (size_t)(space - text), word = sizeof threshold - 1;
    detect_config_t config = d->config;
    if (size >= word && memcmp(text, threshold, word) == 0 && (size == word || text[word] == '.')) {
        const char *reason = set_threshold(d, &config, labels, text + word, size - word, space + 1);
        return reason != NULL ? reason : detect_apply(d, &config);
    }
    for (uint32_t i = 0; i < detect_setting_count; i++) {
        const detect_setting_t *setting = &detect_settings[i];
        if (is(setting->name, text, size)) {
            uint32_t value;
            if (!parse_setting(setting, space + 1, &value)) {
                return setting->reason;
            }
            const uint16_t field = (uint16_t)value;
            memcpy((uint8_t *)&config + setting->offset, &field, sizeof field);
            return detect_apply(d, &config);
        }
    }
    return "unknown setting";
}
