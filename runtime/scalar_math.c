/* scalar_math.c: limits of arguments; see scalar_math.h. */
#include "runtime/scalar_math.h"

const float alt_exp_low = -104.0f, alt_exp_high = 89.0f; /* beyond, exp is zero or infinite */
const float alt_expm1_low = -20.0f;                      /* beyond, expm1 rounds to -1 */
const float alt_sigmoid_high = 40.0f;                    /* beyond, sigmoid rounds to 1 */
const float alt_erf_high = 4.0f;                         /* beyond, erf rounds to 1 */
const float alt_phi_high = 6.0f, alt_phi_low = -87.4f;   /* of the polynomial; of an exponent with scale 0 */
