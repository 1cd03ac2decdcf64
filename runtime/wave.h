/* wave.h: steps without a barrier between them.
 *
 * A wave is a row of consecutive kernel steps of a binding none of which reads or overwrites what another one writes, be it
 * the same value or memory that the plan uses again. Their tiles may run in any order, so the executor makes one parallel loop
 * of them: threads that are done with one step go on with the next. Steps that have nothing to run lie in between and do not count.
 */
#ifndef ALT_RUNTIME_WAVE_H
#define ALT_RUNTIME_WAVE_H

#include "runtime/binding.h"

#define ALT_WAVE_STEPS 16    /* with something to run, at most in a wave */
#define ALT_WAVE_OPERANDS 64 /* of its steps, at most, or those of one step */

/* Finds the waves of a finished binding: sets `wave` of its steps. */
void alt_wave_find(const struct alt_program *program, struct alt_binding *binding);

#endif
