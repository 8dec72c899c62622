#include "reader.h"

namespace baryon {
namespace {

// Bytes of the UTF-8 sequence that `lead` starts; 0 if none does.
int sequence_bytes(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead < 0xE0) return 2;
  if (lead >= 0xE0 && lead < 0xF0) return 3;
  return lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
}

// Too long forms of 3 and 4 bytes, surrogates, and code points above U+10FFFF.
bool second_byte_is_wrong(uint8_t lead, uint8_t second) {
  return (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second >= 0xA0) ||
         (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second >= 0x90);
}

bool is_utf8(const char* text, uint64_t size) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(text);
  for (uint64_t i = 0; i < size;) {
    const int length = sequence_bytes(bytes[i]);
    if (length == 0 || bytes[i] == 0 || !fits(i, length, size)) return false;
    if (length > 1 && second_byte_is_wrong(bytes[i], bytes[i + 1])) return false;
    for (int k = 1; k < length; ++k)
      if ((bytes[i + k] & 0xC0) != 0x80) return false;
    i += length;
  }
  return true;
}

}  // namespace

std::string read_string(const Records<char>& blob, const format::String& text) {
  const char* data = blob.range(text.offset, text.length);
  if (!is_utf8(data, text.length))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: the string at %u is not UTF-8", text.offset);
  return {data, text.length};
}

}  // namespace baryon
