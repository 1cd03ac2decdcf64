/* text.h: types, shapes and values as text. */
#ifndef ALT_TOOLS_TEXT_H
#define ALT_TOOLS_TEXT_H

#include <alt/model.h>
#include <stdio.h>

enum { VALUE_TEXT = 256 };

/* "float32[1,3,224,224]", "sequence of 3 float32", "optional of 0 float32". Always terminated; returns `out`. */
char *value_type_text(const alt_value *value, char out[static VALUE_TEXT]);
/* "float32[batch,3,?,?]": the type of an input or output. Always terminated; returns `out`. */
char *port_type_text(const alt_port *port, char out[static VALUE_TEXT]);
/* The first few elements of a tensor, or the types of a group's elements, on one line without a line end. */
void value_print(FILE *file, const alt_value *value);

#endif
