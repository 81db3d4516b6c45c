// Stands for Zephyr's printk.
#pragma once
#include <stdio.h>

#define printk printf
