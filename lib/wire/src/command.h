/* Command lines: a name and at most one argument. */
#ifndef OTOLITH_WIRE_COMMAND_H
#define OTOLITH_WIRE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { WIRE_NO_ARGUMENT = 0, WIRE_SWITCH /* on|off -> 1|0 */, WIRE_NUMBER } wire_argument_t;

typedef struct {
    const char *name;
    wire_argument_t argument;
    void (*run)(uint32_t value); /* 0 when there is no argument */
} wire_command_t;

/* A command whose argument is the rest of the line: 1 to WIRE_MAX_TEXT bytes after one space, none
 * of them a control character. */
enum { WIRE_MAX_TEXT = 88 };

typedef struct {
    const char *name;
    const char *(*run)(const char *text); /* NULL, or why nothing was done */
} wire_text_command_t;

/* Run the command `line` names. NULL, or why nothing was run. */
const char *wire_run_command(const char *line, const wire_command_t *commands, uint32_t count);

/* The same for commands that take text; false if `line` names none of them. */
bool wire_run_text_command(const char *line, const wire_text_command_t *commands, uint32_t count,
                           const char **reason);

#ifdef __cplusplus
}
#endif
#endif
