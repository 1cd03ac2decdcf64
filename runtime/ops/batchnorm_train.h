/* batchnorm_train.h: BatchNormalization with training_mode 1 (opset 14 and later). */
#ifndef ALT_RUNTIME_OPS_BATCHNORM_TRAIN_H
#define ALT_RUNTIME_OPS_BATCHNORM_TRAIN_H

#include "runtime/kernel.h"

extern const struct alt_kernel alt_batchnorm_train_kernel;

#endif
