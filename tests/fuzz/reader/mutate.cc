// Changes that get behind the hashes: of single numbers and records in the header, the section
// table, plans and code, after which all hashes are made right again.
#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "format.h"
#include "sha256.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace baryon {
namespace {

using format::Header;
using format::Section;

constexpr size_t kMaxRegion = 2048;  // of a section: what follows is mostly code

struct Region {
  uint8_t* data;
  size_t size;
};

class Mutator {
 public:
  Mutator(uint8_t* data, size_t size, size_t max_size, unsigned seed)
      : data_(data), size_(size), max_size_(max_size), random_(seed) {}

  size_t mutate() {
    const std::vector<Region> regions = find_regions();
    if (regions.size() < 3 || below(64) == 0) {
      size_ = LLVMFuzzerMutate(data_, size_, max_size_);
    } else {
      const size_t outer = below(16) == 0 ? 2 : 0;  // the table and the header are the last two
      const size_t first = outer != 0 ? regions.size() - outer : 0;
      const size_t count = outer != 0 ? outer : regions.size() - 2;
      for (size_t changes = 1 + below(3); changes > 0; --changes)
        change(regions[first + below(count)]);
    }
    if (below(64) != 0) seal();
    return size_;
  }

 private:
  size_t below(size_t end) { return random_() % end; }

  Section* sections(size_t* count) {
    Header header;
    *count = 0;
    if (size_ < sizeof header) return nullptr;
    memcpy(&header, data_, sizeof header);
    if (header.table_offset > size_ || header.table_offset % 8 != 0) return nullptr;
    *count =
        std::min<size_t>(header.section_count, (size_ - header.table_offset) / sizeof(Section));
    return reinterpret_cast<Section*>(data_ + header.table_offset);
  }

  // Plans and code first, then the table and the header.
  std::vector<Region> find_regions() {
    size_t count;
    const Section* table = sections(&count);
    std::vector<Region> regions;
    for (size_t i = 0; i < count; ++i) {
      Section section;
      memcpy(&section, table + i, sizeof section);
      const bool has_numbers = section.kind == format::kPlan || section.kind == format::kCode;
      if (!has_numbers || section.offset >= size_) continue;
      const size_t size = std::min<size_t>({section.bytes, size_ - section.offset, kMaxRegion});
      if (size >= 16) regions.push_back({data_ + section.offset, size});
    }
    if (count != 0)
      regions.push_back(
          {data_ + sizeof(Header), std::min(count * sizeof(Section), size_ - sizeof(Header))});
    if (size_ >= sizeof(Header)) regions.push_back({data_, sizeof(Header)});
    return regions;
  }

  void change(Region region) {
    if (region.size < 16) return;
    switch (below(6)) {
      case 0:
        return change_bytes(region);
      case 1:
        return copy_record(region);
      case 2:
        return change_number<uint64_t>(region);
      default:
        return change_number<uint32_t>(region);
    }
  }

  void change_bytes(Region region) {
    const size_t size = 1 + below(std::min<size_t>(region.size, 64));
    LLVMFuzzerMutate(region.data + below(region.size - size + 1), size, size);
  }

  // From one place to another, both aligned as records are.
  void copy_record(Region region) {
    const size_t size = std::min<size_t>(8 * (1 + below(6)), region.size);
    const size_t places = (region.size - size) / 8 + 1;
    memmove(region.data + 8 * below(places), region.data + 8 * below(places), size);
  }

  template <typename T>
  void change_number(Region region) {
    uint8_t* at = region.data + sizeof(T) * below(region.size / sizeof(T));
    T old, other;
    memcpy(&old, at, sizeof old);
    memcpy(&other, region.data + sizeof(T) * below(region.size / sizeof(T)), sizeof other);
    const T power = T{1} << below(8 * sizeof(T));
    const T few = static_cast<T>(below(20));
    const T values[] = {few,
                        static_cast<T>(old + few),
                        static_cast<T>(old - few),
                        power,
                        static_cast<T>(power - 1),
                        static_cast<T>(old ^ power),
                        other,
                        static_cast<T>(0 - few),
                        static_cast<T>(old * few),
                        static_cast<T>(old + other),
                        static_cast<T>(4096 * few)};
    const T value = values[below(std::size(values))];
    memcpy(at, &value, sizeof value);
  }

  // Size and hashes as a writer makes them.
  void seal() {
    size_t count;
    Section* table = sections(&count);
    if (table == nullptr) return;
    for (size_t i = 0; i < count; ++i) {
      Section section;
      memcpy(&section, table + i, sizeof section);
      if (section.offset > size_ || section.bytes > size_ - section.offset) continue;
      const Digest digest = sha256(data_ + section.offset, section.bytes);
      memcpy(table[i].sha256, digest.data(), digest.size());
    }
    auto* header = reinterpret_cast<Header*>(data_);
    const Digest digest = sha256(reinterpret_cast<uint8_t*>(table), count * sizeof(Section));
    memcpy(header->table_sha256, digest.data(), digest.size());
    memcpy(header->magic, format::kMagic, sizeof header->magic);
    header->version = format::kVersion;
    header->header_bytes = sizeof(Header);
    header->file_bytes = size_;
  }

  uint8_t* data_;
  size_t size_;
  size_t max_size_;
  std::minstd_rand random_;
};

}  // namespace
}  // namespace baryon

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  return baryon::Mutator(data, size, max_size, seed).mutate();
}
