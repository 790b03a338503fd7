/*
 * bytes.h
 *	  Little-endian numbers out of bytes, whatever their alignment.
 */
#ifndef MEDALLION_BYTES_H
#define MEDALLION_BYTES_H

#include <stdint.h>
#include <string.h>

static inline uint16_t
GetU16(const unsigned char *p)
{
	return p[0] | p[1] << 8;
}

static inline uint32_t
GetU32(const unsigned char *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t) p[3] << 24;
}

static inline double
GetDouble(const unsigned char *p)
{
	uint64_t	bits = GetU32(p) | (uint64_t) GetU32(p + 4) << 32;
	double		value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

#endif							/* MEDALLION_BYTES_H */
