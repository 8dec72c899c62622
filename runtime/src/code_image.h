// Machine code in memory.
#pragma once

#include <cstdint>

#include "code.h"
#include "mapping.h"

namespace baryon {

// Read-and-execute pages of the file, followed by a read-only data part with the addresses that the
// code needs.
class CodeImage {
 public:
  // `descriptor` of the open file. Throws Error.
  CodeImage(const Code& code, int descriptor);

  Image image() const { return {memory_.data(), image_bytes_}; }

 private:
  void map_image(const Code& code, int descriptor);
  void fill_data(const Code& code);

  Mapping memory_;
  uint64_t image_bytes_ = 0;
};

}  // namespace baryon
