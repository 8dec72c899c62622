#include "code.h"

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

}  // namespace

const void* Image::kernel(uint64_t entry) const {
  if (entry >= bytes)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a kernel's entry %llu is outside the code image",
         number(entry));
  return data + entry;
}

Code::Code(const Bytes& section, uint64_t place) {
  const auto& header = section.header<CodeHeader>();
  check_header(section, header, place);
  image_place = place + header.image_offset;
  image = {section.data() + header.image_offset, header.image_bytes};
  data_bytes = header.data_bytes;
  imports = import_addresses(section, header);
  slots = section.records<Slot>(header.slots, "slots");
  for (const Slot& slot : slots) check_slot(slot, header, imports.size());
}

}  // namespace baryon
