// Memory from mmap, and files seen as memory.
#pragma once

#include <cstdint>
#include <string>

namespace baryon {

// Owns one range of mapped memory. Movable, not copyable.
class Mapping {
 public:
  Mapping() = default;
  // Fresh zeroed memory to read and write; large ones ask for large pages. Throws Error.
  static Mapping anonymous(uint64_t bytes);
  // Address space that nothing may touch yet.
  static Mapping reserve(uint64_t bytes);
  // The file, to read.
  static Mapping of_file(int descriptor, uint64_t bytes);

  Mapping(Mapping&& other) noexcept { swap(other); }
  Mapping& operator=(Mapping&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Mapping();

  uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }

 private:
  Mapping(void* data, uint64_t bytes) : data_(static_cast<uint8_t*>(data)), size_(bytes) {}
  void swap(Mapping& other) noexcept;

  uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
};

// An open file that is mapped as a whole.
class MappedFile {
 public:
  static MappedFile open(const char* path);
  // A file in memory with a copy of these bytes.
  static MappedFile copy_of(const void* data, uint64_t bytes);
  // Bytes that outlive it, without a file: enough to read and check an artifact.
  static MappedFile view(const void* data, uint64_t bytes);

  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  const uint8_t* data() const { return data_; }
  uint64_t size() const { return size_; }
  int descriptor() const { return descriptor_; }
  // The mapping stays.
  void close_descriptor();

 private:
  explicit MappedFile(int descriptor) : descriptor_(descriptor) {}
  void map(uint64_t bytes);

  int descriptor_ = -1;
  Mapping mapping_;
  const uint8_t* data_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace baryon
