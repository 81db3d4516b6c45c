#include "app_model.h"

#include "nn.h"

void app_hello_model(json_t *line) {
    const nn_info_t *info = nn_info();
    json_text(line, "model", info->name);
    json_text(line, "hash", info->hash);
    json_array(line, "labels");
    for (uint32_t i = 0; i < info->labels; i++) {
        json_item_text(line, info->label[i]);
    }
    json_array_end(line);
    json_text(line, "engine", info->engine);
}
