#include "settings.h"

#include <stddef.h>
#include <string.h>

#include "detect_settings.h"
#include "microphone.h"
#include "models.h"
#include "wire.h"

/* Thresholds in the order of hello's labels; their names might not fit into the line. */
static void send_thresholds(json_t *line, const detect_config_t *detect) {
    json_array(line, "thresholds");
    for (uint32_t i = 0; i < detect->labels; i++) {
        uint32_t decimals;
        const uint32_t value = detect_decimal(detect->threshold[i], &decimals);
        json_item_decimal(line, value, decimals);
    }
    json_array_end(line);
}

static void send_settings_of(uint32_t model) {
    const detect_config_t *detect = models_settings(model);
    json_t *line = wire_begin("settings");
    models_name(line, model);
    json_object(line, "detect");
    for (uint32_t i = 0; i < detect_setting_count; i++) {
        const detect_setting_t *setting = &detect_settings[i];
        const uint16_t value = detect_setting_value(detect, setting);
        if (setting->is_switch) {
            json_boolean(line, setting->name, value != 0);
        } else {
            json_unsigned(line, setting->name, value);
        }
    }
    send_thresholds(line, detect);
    json_object_end(line);
    wire_end(line);
}

static void send_settings(void) {
    for (uint32_t model = 0; model < LISTEN_MODELS; model++) {
        send_settings_of(model);
    }
}

const char *settings_get(const char *group) {
    if (app_microphone_get(group)) {
        return NULL;
    }
    if (strcmp(group, "detect") != 0) {
        return "only detect and microphone can be asked for";
    }
    send_settings();
    return NULL;
}

const char *settings_set(const char *assignment) {
    const char *reason;
    if (app_microphone_set(assignment, &reason)) {
        return reason;
    }
    reason = listen_set(assignment);
    if (reason == NULL) {
        send_settings();
    }
    return reason;
}
