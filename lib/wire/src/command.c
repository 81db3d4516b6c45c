#include "command.h"

#include <stddef.h>
#include <string.h>

/* Decimal, all of `text`, no more than 32 bits. */
static const char *parse_number(const char *text, uint32_t *value) {
    *value = 0;
    do {
        const uint32_t digit = (uint32_t)(uint8_t)*text - '0';
        if (digit > 9) {
            return "argument must be a number";
        }
        if (*value > (UINT32_MAX - digit) / 10) {
            return "number too big";
        }
        *value = *value * 10 + digit;
    } while (*++text);
    return NULL;
}

static const char *parse_argument(const wire_command_t *command, const char *text,
                                  uint32_t *value) {
    *value = 0;
    if (command->argument == WIRE_NO_ARGUMENT) {
        return text ? "takes no argument" : NULL;
    }
    if (command->argument == WIRE_NUMBER) {
        return text && *text ? parse_number(text, value) : "argument must be a number";
    }
    if (text && strcmp(text, "on") == 0) {
        *value = 1;
        return NULL;
    }
    return text && strcmp(text, "off") == 0 ? NULL : "argument must be on or off";
}

const char *wire_run_command(const char *line, const wire_command_t *commands, uint32_t count) {
    const char *space = strchr(line, ' ');
    const size_t length = space ? (size_t)(space - line) : strlen(line);
    for (uint32_t i = 0; i < count; i++) {
        const char *name = commands[i].name;
        if (strlen(name) == length && memcmp(name, line, length) == 0) {
            uint32_t value;
            const char *reason = parse_argument(&commands[i], space ? space + 1 : NULL, &value);
            if (reason == NULL) {
                commands[i].run(value);
            }
            return reason;
        }
    }
    return "unknown command";
}
