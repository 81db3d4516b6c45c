// Stands for Zephyr's devices: there is one, by its label in the device tree.
#pragma once
#include <stdbool.h>

struct device {
    const char *name;
};
#define DT_NODELABEL(label) device_##label
#define DEVICE_DT_GET(node) (&(node))
extern const struct device device_dmic_dev;
bool device_is_ready(const struct device *device);
