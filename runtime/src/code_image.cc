#include "code_image.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "cpu.h"
#include "imports.h"

namespace baryon {
namespace {

using format::CodeHeader;
using format::Slot;

unsigned long long number(uint64_t value) { return value; }

// `place`: of the section in the file.
void check_header(const Bytes& code, const CodeHeader& header, uint64_t place) {
  if (header.header_bytes != sizeof(CodeHeader) || header.reserved != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: bad header of %s", code.name().c_str());
  const uint64_t page = format::image_page(cpu_machine());
  const bool aligned = (place | header.image_offset | header.image_bytes) % page == 0;
  if (!aligned || header.image_offset == 0 || header.image_bytes == 0 ||
      header.image_bytes > format::kMaxImageBytes ||
      !fits(header.image_offset, header.image_bytes, code.size()))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: the code image (%llu bytes at %llu) is outside %s",
         number(header.image_bytes), number(header.image_offset), code.name().c_str());
  if (header.data_bytes > format::kMaxDataBytes)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %llu bytes of data", number(header.data_bytes));
}

std::vector<uint64_t> import_addresses(const Bytes& code, const CodeHeader& header) {
  const auto strings = code.records<char>(header.strings, "strings");
  std::vector<uint64_t> addresses;
  for (const format::String& text : code.records<format::String>(header.imports, "imports")) {
    const std::string name = read_string(strings, text);
    const void* address = import_address(name);
    if (address == nullptr)
      fail(BRY_BAD_ARTIFACT, "the artifact needs the function %s, which this runtime does not have",
           name.c_str());
    addresses.push_back(reinterpret_cast<uint64_t>(address));
  }
  return addresses;
}

void check_slot(const Slot& slot, const CodeHeader& header, uint64_t imports) {
  if (slot.data_offset % 8 != 0 || !fits(slot.data_offset, 8, header.data_bytes))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a slot at %llu is outside the data part",
         number(slot.data_offset));
  const bool import =
      slot.kind == format::kSlotImport && slot.import < imports && slot.address == 0;
  const bool address = slot.kind == format::kSlotAddress && slot.import == 0 &&
                       slot.address <= header.image_bytes + header.data_bytes;
  if (!import && !address)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: the slot at %llu refers to nothing",
         number(slot.data_offset));
}

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

CodeImage::CodeImage(const Bytes& code, const MappedFile& file) {
  const auto& header = code.header<CodeHeader>();
  check_header(code, header, static_cast<uint64_t>(code.data() - file.data()));
  image_bytes_ = header.image_bytes;
  const uint64_t page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  memory_ = Mapping::reserve((header.image_bytes + header.data_bytes + page - 1) / page * page);
  map_image(code, header, file);
  fill_data(code, header);
}

void CodeImage::map_image(const Bytes& code, const CodeHeader& header, const MappedFile& file) {
  const uint8_t* image = code.data() + header.image_offset;
  const uint64_t offset = static_cast<uint64_t>(image - file.data());
  if (map_over(memory_.data(), image_bytes_, PROT_READ | PROT_EXEC, file.descriptor(), offset))
    return;
  // A file system mounted without execution: copy.
  if (!map_over(memory_.data(), image_bytes_, PROT_READ | PROT_WRITE, -1, 0))
    fail(BRY_OUT_OF_MEMORY, "cannot map the code: %s", strerror(errno));
  memcpy(memory_.data(), image, image_bytes_);
  auto* written = reinterpret_cast<char*>(memory_.data());
  __builtin___clear_cache(written, written + image_bytes_);
  protect(memory_.data(), image_bytes_, PROT_READ | PROT_EXEC);
}

void CodeImage::fill_data(const Bytes& code, const CodeHeader& header) {
  uint8_t* data = memory_.data() + image_bytes_;
  const uint64_t bytes = memory_.size() - image_bytes_;
  if (!map_over(data, bytes, PROT_READ | PROT_WRITE, -1, 0))
    fail(BRY_OUT_OF_MEMORY, "cannot map the code's data: %s", strerror(errno));
  const std::vector<uint64_t> imports = import_addresses(code, header);
  for (const Slot& slot : code.records<Slot>(header.slots, "slots")) {
    check_slot(slot, header, imports.size());
    const uint64_t base = reinterpret_cast<uint64_t>(memory_.data());
    const bool import = slot.kind == format::kSlotImport;
    const uint64_t value = import ? imports[slot.import] : base + slot.address;
    memcpy(data + slot.data_offset, &value, sizeof value);
  }
  protect(data, bytes, PROT_READ);
}

const void* CodeImage::kernel(uint64_t entry) const {
  if (entry >= image_bytes_)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a kernel's entry %llu is outside the code image",
         number(entry));
  return memory_.data() + entry;
}

}  // namespace baryon
