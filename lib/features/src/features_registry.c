#include "features_registry.h"

#include <stddef.h>
#include <string.h>

#define FEATURES_ADDRESS(name) &features_##name,
static const features_frontend_t *const frontends[] = {FEATURES_FRONTENDS(FEATURES_ADDRESS)};

const features_frontend_t *features_find(const char *kind) {
    for (uint32_t i = 0; i < sizeof frontends / sizeof *frontends; i++) {
        if (strcmp(frontends[i]->kind, kind) == 0) {
            return frontends[i];
        }
    }
    return NULL;
}
