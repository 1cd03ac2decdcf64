/* npy.h: NumPy's .npy files (numpy.lib.format, versions 1 to 3). */
#ifndef ALT_TOOLS_NPY_H
#define ALT_TOOLS_NPY_H

#include <alt/value.h>

/* Reads a tensor that is to be an input of type `wanted`. Fortran order is turned into row-major order. Types that NumPy
 * does not have come as what numpy_write makes of them. False after a message. */
bool npy_read(const char *path, alt_dtype wanted, alt_value **out);
/* Writes a tensor. bfloat16 and the 8-bit floats are stored as raw bytes ('V2', 'V1'), integers below 8 bits as 8-bit ones,
 * 4-bit floats as raw bytes, one an element; strings as byte strings ('S'), UTF-8. False after a message. */
bool npy_write(const char *path, const alt_value *value);

#endif
