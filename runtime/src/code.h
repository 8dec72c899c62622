// The CODE section, checked (rules A25 to A30). Nothing of it is mapped to be executed here.
#pragma once

#include <cstdint>
#include <vector>

#include "format.h"
#include "reader.h"

namespace baryon {

// Machine code, wherever it lies in memory.
struct Image {
  // Rule A24. `entry` is the offset of a kernel. Throws Error.
  const void* kernel(uint64_t entry) const;

  const uint8_t* data;
  uint64_t bytes;
};

// Records stay in the file.
struct Code {
  // `place`: of the section in the file. Throws Error.
  Code(const Bytes& section, uint64_t place);

  uint64_t image_place;  // in the file
  Image image;           // there
  uint64_t data_bytes;
  std::vector<uint64_t> imports;  // addresses
  Records<format::Slot> slots;
};

}  // namespace baryon
