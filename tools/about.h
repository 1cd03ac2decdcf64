/* about.h: what alt_run says without running anything. */
#ifndef ALT_TOOLS_ABOUT_H
#define ALT_TOOLS_ABOUT_H

#include <alt/model.h>

/* The supported operators, one a line: domain, name, opsets. */
void about_operators(void);
/* Version, opsets, instruction set, cores, counters and why not. */
void about_version(void);
/* Inputs, outputs, symbolic dimensions, opsets, metadata, nodes and regions of a model. False when memory ran out. */
bool about_model(const alt_model *model, const char *path);

#endif
