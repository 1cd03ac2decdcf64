/* onnx_backend_faults.h: every allocation of loading and running a model fails once, and all later ones too. */
#ifndef ALT_TESTS_ONNX_BACKEND_FAULTS_H
#define ALT_TESTS_ONNX_BACKEND_FAULTS_H

#include "tools/testdata.h"

/* Loads the model, makes a session, runs the data set and frees everything, once for each allocation that is made to
 * fail. ALT_OK when each failure was reported as ALT_E_NOMEM or survived, and left nothing behind; the status of a run
 * that fails with all memory; else ALT_E_INTERNAL with `text` telling what was wrong. */
alt_status backend_faults(const char *path, const struct testdata *data, char *text, size_t size);

#endif
