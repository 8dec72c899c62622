// Machine code in memory.
#pragma once

#include <cstdint>

#include "mapping.h"
#include "reader.h"

namespace baryon {

// Read-and-execute pages of the file, followed by a read-only data part with the addresses that the
// code needs (rules A25 to A30).
class CodeImage {
 public:
  // `code` is a verified section of the open file. Throws Error.
  CodeImage(const Bytes& code, const MappedFile& file);

  uint64_t bytes() const { return image_bytes_; }
  // Rule A24. `entry` is the offset of a kernel.
  const void* kernel(uint64_t entry) const;

 private:
  void map_image(const Bytes& code, const format::CodeHeader& header, const MappedFile& file);
  void fill_data(const Bytes& code, const format::CodeHeader& header);

  Mapping memory_;
  uint64_t image_bytes_ = 0;
};

}  // namespace baryon
