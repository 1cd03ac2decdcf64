/* machine.c: names of this machine and of what makes its kernels. */
#include "tuner/machine.h"

#include "jit/nest.h"
#include "runtime/cpu.h"
#include "runtime/kernel.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Which of its versions made a kernel is the kernel's affair: it is kept by its content, and was checked and timed as it is. */
#define COMPILER "libgccjit"

/* Facts of the machine, found once (the one allowed kind of global: every thread would find the same). */
static struct {
    pthread_once_t once;
    char cpu[256];
} facts = {.once = PTHREAD_ONCE_INIT};

/* The value of the first line "name : value" of /proc/cpuinfo. */
static void read_cpuinfo(const char *name, char *out, size_t size)
{
    char line[512];
    FILE *f = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "?");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, name, strlen(name)) != 0 || line[strlen(name)] > ' ')
            continue;
        line[strcspn(line, "\n")] = 0;
        snprintf(out, size, "%s", colon[1] == ' ' ? colon + 2 : colon + 1);
        break;
    }
    if (f)
        fclose(f);
}

static void find_facts(void)
{
    char vendor[64], family[16], model[16];
    read_cpuinfo("vendor_id", vendor, sizeof vendor);
    read_cpuinfo("cpu family", family, sizeof family);
    read_cpuinfo("model", model, sizeof model);
    snprintf(facts.cpu, sizeof facts.cpu, "%s family %s model %s l1d %ld l2 %ld l3 %ld", vendor, family, model,
             sysconf(_SC_LEVEL1_DCACHE_SIZE), sysconf(_SC_LEVEL2_CACHE_SIZE), sysconf(_SC_LEVEL3_CACHE_SIZE));
}

void alt_machine_key(const char *region, int threads, struct alt_record_key *key)
{
    pthread_once(&facts.once, find_facts);
    *key = (struct alt_record_key){.region = region, .isa = alt_isa_name(alt_cpu_isa()), .compiler = COMPILER,
                                   .kernel_abi = ALT_KERNEL_ABI, .nest_format = ALT_NEST_FORMAT, .cpu = facts.cpu,
                                   .threads = (uint32_t)threads};
}
