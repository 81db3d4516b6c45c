/* Lines of standard input -> wire_run_text_command -> detect_set, and a hop after each. Built with
 * sanitizers by test_detect.py. Prints how many settings were taken and how many refused. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "detect_settings.h"

static const char *const labels[] = {"background", "bell", "door knock"};
static detect_t detect;
static uint32_t taken;

static const char *set(const char *text) {
    const char *reason = detect_set(&detect, labels, text);
    taken += reason == NULL;
    return reason;
}

int main(void) {
    static const detect_config_t config = {.labels = 3,
                                           .smoothing = 8,
                                           .minimum_count = 2,
                                           .tells_activity = 1,
                                           .threshold = {0, 9000, 20000}};
    static const wire_text_command_t commands[] = {{"set", set}};
    char line[256];
    uint32_t lines = 0;
    if (detect_init(&detect, &config) != 0) {
        return 1;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        const uint16_t scores[] = {(uint16_t)(lines * 7919 % 32768), 12000, 31000};
        detect_event_t event = {0, 0};
        const char *reason;
        line[strcspn(line, "\n")] = '\0';
        (void)wire_run_text_command(line, commands, 1, &reason);
        if (detect_step(&detect, scores, (uint16_t)(lines % 300), lines & 1, &event) &&
            (event.label < DETECT_UNKNOWN || event.label >= 3)) {
            return 2;
        }
        lines++;
    }
    printf("%u of %u\n", (unsigned)taken, (unsigned)lines);
    return detect_check(&detect.config) == NULL ? 0 : 3;
}
