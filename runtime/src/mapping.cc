#include "mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "error.h"

namespace baryon {
namespace {

constexpr uint64_t kLargePage = 2 << 20;

void* map(uint64_t bytes, int protection, int flags, int descriptor) {
  void* data = mmap(nullptr, bytes, protection, flags, descriptor, 0);
  if (data == MAP_FAILED)
    fail(errno == ENOMEM ? BRY_OUT_OF_MEMORY : BRY_IO, "cannot map %llu bytes: %s",
         static_cast<unsigned long long>(bytes), strerror(errno));
  return data;
}

uint64_t size_of_regular_file(int descriptor, const char* path) {
  struct stat status;
  if (fstat(descriptor, &status) != 0) fail(BRY_IO, "%s: %s", path, strerror(errno));
  if (!S_ISREG(status.st_mode)) fail(BRY_IO, "%s: not a regular file", path);
  return static_cast<uint64_t>(status.st_size);
}

void write_all(int descriptor, const uint8_t* data, uint64_t bytes) {
  while (bytes > 0) {
    const ssize_t written = write(descriptor, data, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(BRY_IO, "cannot copy the artifact to memory: %s", strerror(errno));
    data += written;
    bytes -= static_cast<uint64_t>(written);
  }
}

}  // namespace

Mapping Mapping::anonymous(uint64_t bytes) {
  if (bytes == 0) return {};
  void* data = map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
  if (bytes >= kLargePage) madvise(data, bytes, MADV_HUGEPAGE);
  return {data, bytes};
}

Mapping Mapping::reserve(uint64_t bytes) {
  return {map(bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1), bytes};
}

Mapping Mapping::of_file(int descriptor, uint64_t bytes) {
  if (bytes == 0) return {};
  return {map(bytes, PROT_READ, MAP_PRIVATE, descriptor), bytes};
}

Mapping::~Mapping() {
  if (data_ != nullptr) munmap(data_, size_);
}

void Mapping::swap(Mapping& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
}

MappedFile MappedFile::open(const char* path) {
  // O_NONBLOCK: a pipe must be refused, not waited for.
  MappedFile file(::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.descriptor_ < 0) fail(BRY_IO, "%s: %s", path, strerror(errno));
  file.map(size_of_regular_file(file.descriptor_, path));
  return file;
}

MappedFile MappedFile::copy_of(const void* data, uint64_t bytes) {
  MappedFile file(memfd_create("baryon-artifact", MFD_CLOEXEC));
  if (file.descriptor_ < 0) fail(BRY_IO, "memfd_create: %s", strerror(errno));
  write_all(file.descriptor_, static_cast<const uint8_t*>(data), bytes);
  file.map(bytes);
  return file;
}

MappedFile MappedFile::view(const void* data, uint64_t bytes) {
  MappedFile file(-1);
  file.data_ = static_cast<const uint8_t*>(data);
  file.size_ = bytes;
  return file;
}

void MappedFile::map(uint64_t bytes) {
  mapping_ = Mapping::of_file(descriptor_, bytes);
  data_ = mapping_.data();
  size_ = bytes;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      mapping_(std::move(other.mapping_)),
      data_(other.data_),
      size_(other.size_) {}

MappedFile::~MappedFile() { close_descriptor(); }

void MappedFile::close_descriptor() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

}  // namespace baryon
