/* text_seeds.c: texts to begin fuzzing with: descriptors, their variants, the nests of those.
 *
 * usage: text_seeds desc|variant|nest FOLDER */
#include "jit/nest.h"
#include "jit/variant.h"
#include "runtime/cpu.h"
#include "runtime/mem.h"
#include "tests/jit_shapes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void save(const char *folder, int number, const char *text)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/seed%d", folder, number);
    FILE *f = fopen(path, "w");
    if (!f || fputs(text, f) < 0 || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static void save_nest(const char *folder, int number, const struct alt_desc *d, const struct alt_variant *v,
                      enum alt_isa isa)
{
    static char text[65536];
    struct alt_mem mem;
    struct alt_arena arena;
    struct alt_nest *nest;
    alt_mem_init(&mem, NULL, 0);
    alt_arena_init(&arena, &mem);
    if (alt_variant_nest(d, v, isa, &arena, &nest) == ALT_OK && alt_nest_print(nest, text, sizeof text) < sizeof text)
        save(folder, number, text);
    alt_arena_free(&arena);
}

int main(int argc, char **argv)
{
    struct alt_variant list[ALT_VARIANT_MOST];
    struct alt_desc d;
    int number = 0;
    if (argc != 3) {
        fprintf(stderr, "usage: text_seeds desc|variant|nest FOLDER\n");
        return 2;
    }
    for (int i = 0; i < JIT_SHAPES; i++) {
        if (alt_desc_parse(jit_shapes[i], &d) != ALT_OK)
            return 1;
        if (strcmp(argv[1], "desc") == 0) {
            save(argv[2], number++, jit_shapes[i]);
            continue;
        }
        for (int isa = 0; isa < ALT_ISA_COUNT; isa++) {
            int n = alt_variant_list(&d, (enum alt_isa)isa, list);
            for (int k = 0; k < n; k++, number++) {
                char text[1024];
                size_t length = alt_variant_print(&list[k], text, sizeof text);
                snprintf(text + length, sizeof text - length, "\n%s", jit_shapes[i]);
                if (strcmp(argv[1], "variant") == 0)
                    save(argv[2], number, text);
                else
                    save_nest(argv[2], number, &d, &list[k], (enum alt_isa)isa);
            }
        }
    }
    return 0;
}
