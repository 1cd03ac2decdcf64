/* alt.h: the whole public interface of libalt. */
#ifndef ALT_ALT_H
#define ALT_ALT_H

#include <alt/base.h>
#include <alt/model.h>
#include <alt/session.h>
#include <alt/tuning.h>
#include <alt/value.h>

#endif
