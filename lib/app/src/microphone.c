#include "microphone.h"

#include <stddef.h>
#include <string.h>

static const char group[] = "microphone";
static const char name[] = "microphone.gain_db ";

void app_microphone(json_t *line) {
    json_text(line, group, microphone_kind());
    json_signed(line, "gain_db", microphone_gain());
}

static void send_microphone(void) {
    json_t *line = wire_begin(group);
    app_microphone(line);
    wire_end(line);
}

bool app_microphone_get(const char *text) {
    if (strcmp(text, group) != 0) {
        return false;
    }
    send_microphone();
    return true;
}

/* A whole number of at most two digits with or without a minus. */
static bool parse(const char *text, int32_t *value) {
    const bool minus = *text == '-';
    uint32_t digits = 0;
    int32_t number = 0;
    for (text += minus; *text >= '0' && *text <= '9' && digits < 3; text++, digits++) {
        number = 10 * number + (*text - '0');
    }
    *value = minus ? -number : number;
    return digits > 0 && digits < 3 && *text == '\0';
}

bool app_microphone_set(const char *text, const char **reason) {
    int32_t db;
    if (strncmp(text, name, sizeof name - 1) != 0) {
        return false;
    }
    if (!parse(text + sizeof name - 1, &db) || db < MICROPHONE_GAIN_LOWEST ||
        db > MICROPHONE_GAIN_HIGHEST) {
        *reason = "gain_db is a whole number from -40 to 60";
        return true;
    }
    *reason = NULL;
    microphone_set_gain(db);
    send_microphone();
    return true;
}
