// Bytes from a file, read without trusting any number in them.
#pragma once

#include <cstdint>
#include <string>

#include "error.h"
#include "format.h"

namespace baryon {

inline bool add_overflows(uint64_t a, uint64_t b, uint64_t* sum) {
  return __builtin_add_overflow(a, b, sum);
}
inline bool multiply_overflows(uint64_t a, uint64_t b, uint64_t* product) {
  return __builtin_mul_overflow(a, b, product);
}
// Whether [offset, offset + bytes) is inside [0, size).
inline bool fits(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

// Records of a table; an index out of range is the file's fault.
template <typename T>
class Records {
 public:
  Records() = default;
  Records(const T* data, uint64_t count, const char* name)
      : data_(data), count_(count), name_(name) {}

  uint64_t size() const { return count_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + count_; }
  const T& operator[](uint64_t index) const {
    check(index, 1);
    return data_[index];
  }
  const T* range(uint64_t first, uint64_t count) const {
    check(first, count);
    return data_ + first;
  }

 private:
  void check(uint64_t first, uint64_t count) const {
    if (!fits(first, count, count_))
      fail(BRY_BAD_ARTIFACT, "damaged artifact: %s %llu..+%llu used, but there are %llu", name_,
           static_cast<unsigned long long>(first), static_cast<unsigned long long>(count),
           static_cast<unsigned long long>(count_));
  }

  const T* data_ = nullptr;
  uint64_t count_ = 0;
  const char* name_ = "";
};

// A section, or the whole file.
class Bytes {
 public:
  Bytes() = default;
  Bytes(const uint8_t* data, uint64_t size, std::string name)
      : data_(data), size_(size), name_(std::move(name)) {}

  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }
  const std::string& name() const { return name_; }

  // The struct at the start.
  template <typename T>
  const T& header() const {
    if (size_ < sizeof(T))
      fail(BRY_BAD_ARTIFACT, "damaged artifact: %s has %llu bytes, its header %zu", name_.c_str(),
           static_cast<unsigned long long>(size_), sizeof(T));
    return *reinterpret_cast<const T*>(data_);
  }

  template <typename T>
  Records<T> records(const format::Table& table, const char* what) const {
    uint64_t bytes = 0;
    if (table.offset % 8 != 0 || multiply_overflows(table.count, sizeof(T), &bytes) ||
        !fits(table.offset, bytes, size_))
      fail(BRY_BAD_ARTIFACT, "damaged artifact: the table of %s (%llu at %llu) is outside %s", what,
           static_cast<unsigned long long>(table.count),
           static_cast<unsigned long long>(table.offset), name_.c_str());
    return {reinterpret_cast<const T*>(data_ + table.offset), table.count, what};
  }

 private:
  const uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
  std::string name_;
};

// Rule A13: inside the blob, UTF-8, no NUL.
std::string read_string(const Records<char>& blob, const format::String& text);

}  // namespace baryon
