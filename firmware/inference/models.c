#include "models.h"

#if LISTEN_MODELS > 1

void models_hello_several(json_t *line) {
    json_array(line, "models");
    for (uint32_t model = 0; model < LISTEN_MODELS; model++) {
        json_item_text(line, listen_info(model)->name);
    }
    json_array_end(line);
    json_array(line, "hashes");
    for (uint32_t model = 0; model < LISTEN_MODELS; model++) {
        json_item_text(line, listen_info(model)->hash);
    }
    json_array_end(line);
    json_text(line, "engine", listen_info(0)->engine);
}

#endif
