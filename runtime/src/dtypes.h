// The element types that artifacts may have, by DLPack's codes and widths (rule A17).
#pragma once

#include <cstdint>

namespace baryon {

struct ElementType {
  uint8_t code, bits;
  const char* name;  // as NumPy or ml_dtypes has it
};

constexpr ElementType kElementTypes[] = {
    {0, 2, "int2"},
    {0, 4, "int4"},
    {0, 8, "int8"},
    {0, 16, "int16"},
    {0, 32, "int32"},
    {0, 64, "int64"},
    {1, 2, "uint2"},
    {1, 4, "uint4"},
    {1, 8, "uint8"},
    {1, 16, "uint16"},
    {1, 32, "uint32"},
    {1, 64, "uint64"},
    {2, 16, "float16"},
    {2, 32, "float32"},
    {2, 64, "float64"},
    {4, 16, "bfloat16"},
    {6, 8, "bool"},
    {10, 8, "float8_e4m3fn"},
    {11, 8, "float8_e4m3fnuz"},
    {12, 8, "float8_e5m2"},
    {13, 8, "float8_e5m2fnuz"},
    {14, 8, "float8_e8m0fnu"},
    {15, 6, "float6_e2m3fn"},
    {16, 6, "float6_e3m2fn"},
    {17, 4, "float4_e2m1fn"},
};

// Null for a type that there is not.
inline const ElementType* find_element_type(uint8_t code, uint8_t bits) {
  for (const ElementType& type : kElementTypes)
    if (type.code == code && type.bits == bits) return &type;
  return nullptr;
}

// Bytes of one element; those of fewer than 8 bits have a byte each.
constexpr uint32_t item_bytes(uint8_t bits) { return (bits + 7u) / 8u; }

}  // namespace baryon
