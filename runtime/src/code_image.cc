#include "code_image.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace baryon {
namespace {

void protect(uint8_t* data, uint64_t bytes, int protection) {
  if (bytes != 0 && mprotect(data, bytes, protection) != 0)
    fail(BRY_IO, "cannot protect the code's memory: %s", strerror(errno));
}

bool map_over(uint8_t* data, uint64_t bytes, int protection, int descriptor, uint64_t offset) {
  const int flags = MAP_FIXED | MAP_PRIVATE | (descriptor < 0 ? MAP_ANONYMOUS : 0);
  return bytes == 0 ||
         mmap(data, bytes, protection, flags, descriptor, static_cast<off_t>(offset)) != MAP_FAILED;
}

}  // namespace

CodeImage::CodeImage(const Code& code, int descriptor) : image_bytes_(code.image.bytes) {
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  memory_ = Mapping::reserve((code.image.bytes + code.data_bytes + page - 1) / page * page);
  map_image(code, descriptor);
  fill_data(code);
}

void CodeImage::map_image(const Code& code, int descriptor) {
  if (map_over(memory_.data(), image_bytes_, PROT_READ | PROT_EXEC, descriptor, code.image_place))
    return;
  // A file system mounted without execution: copy.
  if (!map_over(memory_.data(), image_bytes_, PROT_READ | PROT_WRITE, -1, 0))
    fail(BRY_OUT_OF_MEMORY, "cannot map the code: %s", strerror(errno));
  memcpy(memory_.data(), code.image.data, image_bytes_);
  auto* written = reinterpret_cast<char*>(memory_.data());
  __builtin___clear_cache(written, written + image_bytes_);
  protect(memory_.data(), image_bytes_, PROT_READ | PROT_EXEC);
}

void CodeImage::fill_data(const Code& code) {
  uint8_t* data = memory_.data() + image_bytes_;
  const uint64_t bytes = memory_.size() - image_bytes_;
  if (!map_over(data, bytes, PROT_READ | PROT_WRITE, -1, 0))
    fail(BRY_OUT_OF_MEMORY, "cannot map the code's data: %s", strerror(errno));
  for (const format::Slot& slot : code.slots) {
    const uint64_t base = reinterpret_cast<uint64_t>(memory_.data());
    const bool import = slot.kind == format::kSlotImport;
    const uint64_t value = import ? code.imports[slot.import] : base + slot.address;
    memcpy(data + slot.data_offset, &value, sizeof value);
  }
  protect(data, bytes, PROT_READ);
}

}  // namespace baryon
