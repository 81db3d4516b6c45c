// Stands for Zephyr's kernel: a slab of blocks that are counted.
#pragma once
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct k_mem_slab {
    char *buffer;
    size_t block_size;
    uint32_t blocks, used;
};
#define K_MEM_SLAB_DEFINE_STATIC(name, size, count, align)                                         \
    _Static_assert((size) % (align) == 0, "blocks must be aligned");                               \
    static _Alignas(align) char buffer_of_##name[(size) * (count)];                                \
    static struct k_mem_slab name = {buffer_of_##name, size, count, 0}

void k_mem_slab_free(struct k_mem_slab *slab, void *block);
