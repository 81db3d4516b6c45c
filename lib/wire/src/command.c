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

/* Whether `line` is `name`, alone or followed by a space. *argument: what follows the space, or
 * NULL. */
static bool names(const char *line, const char *name, const char **argument) {
    const size_t length = strlen(name);
    if (strncmp(line, name, length) != 0 || (line[length] != ' ' && line[length] != '\0')) {
        return false;
    }
    *argument = line[length] ? line + length + 1 : NULL;
    return true;
}

const char *wire_run_command(const char *line, const wire_command_t *commands, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const char *argument;
        if (names(line, commands[i].name, &argument)) {
            uint32_t value;
            const char *reason = parse_argument(&commands[i], argument, &value);
            if (reason == NULL) {
                commands[i].run(value);
            }
            return reason;
        }
    }
    return "unknown command";
}

static const char *check_text(const char *text) {
    const size_t size = text ? strlen(text) : 0;
    if (size == 0) {
        return "argument must be text";
    }
    if (size > WIRE_MAX_TEXT) {
        return "argument too long";
    }
    for (const char *c = text; *c; c++) {
        if ((uint8_t)*c < 0x20 || *c == 0x7f) {
            return "control character in the argument";
        }
    }
    return NULL;
}

bool wire_run_text_command(const char *line, const wire_text_command_t *commands, uint32_t count,
                           const char **reason) {
    for (uint32_t i = 0; i < count; i++) {
        const char *text;
        if (names(line, commands[i].name, &text)) {
            *reason = check_text(text);
            if (*reason == NULL) {
                *reason = commands[i].run(text);
            }
            return true;
        }
    }
    return false;
}
