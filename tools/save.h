/* save.h: writes outputs to files. */
#ifndef ALT_TOOLS_SAVE_H
#define ALT_TOOLS_SAVE_H

#include <alt/model.h>

/* Writes every output into `folder` (made when it is not there) as NAME.npy, the elements of sequences and optionals as
 * NAME.0.npy, NAME.1.npy...; names are made safe for a file system, and numbered where that makes two the same. False after
 * a message. */
bool outputs_save(const char *folder, const alt_model *model, alt_value *const *outputs);

#endif
