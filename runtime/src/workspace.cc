#include "workspace.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace baryon {
namespace {

constexpr uint64_t kAlign = 64;
constexpr uint64_t kSmallest = 64 << 10;
constexpr uint64_t kLargest = uint64_t{1} << 40;

uint64_t rounded(uint64_t bytes) { return (std::max<uint64_t>(bytes, 1) + kAlign - 1) & -kAlign; }

}  // namespace

void Workspace::Free::operator()(uint8_t* data) const { std::free(data); }

Workspace& Workspace::of_this_thread() {
  thread_local Workspace workspace;
  return workspace;
}

void* Workspace::allocate(uint64_t bytes) {
  if (bytes > kLargest) return nullptr;
  bytes = rounded(bytes);
  if (chunks_.empty() || chunks_[current_].bytes - chunks_[current_].used < bytes)
    if (!add_chunk(bytes)) return nullptr;
  Chunk& chunk = chunks_[current_];
  void* pointer = chunk.data.get() + chunk.used;
  chunk.used += bytes;
  return pointer;
}

bool Workspace::release(void* pointer) {
  if (chunks_.empty()) return false;
  Chunk& chunk = chunks_[current_];
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  const auto start = reinterpret_cast<uintptr_t>(chunk.data.get());
  if (address < start || address - start >= chunk.used) return false;
  rewind({current_, address - start});
  return true;
}

void Workspace::rewind(Mark mark) {
  if (chunks_.empty()) return;
  for (; current_ > mark.chunk; --current_) chunks_[current_].used = 0;
  chunks_[current_].used = mark.used;
  while (current_ > 0 && chunks_[current_].used == 0) --current_;
  if (current_ == 0 && chunks_[0].used == 0) keep_largest();
}

void Workspace::reserve(uint64_t bytes) {
  const bool idle = chunks_.empty() || (current_ == 0 && chunks_[0].used == 0);
  if (!idle || bytes == 0 || bytes > kLargest) return;
  if (!chunks_.empty() && chunks_[0].bytes >= bytes) return;
  if (add_chunk(rounded(bytes))) keep_largest();
  current_ = 0;
}

bool Workspace::add_chunk(uint64_t bytes) {
  try {
    chunks_.resize(chunks_.empty() ? 0 : current_ + 1);
    const uint64_t doubled = chunks_.empty() ? kSmallest : 2 * chunks_.back().bytes;
    const uint64_t size = std::max(bytes, doubled);
    auto* data = static_cast<uint8_t*>(std::aligned_alloc(kAlign, size));
    if (data == nullptr) return false;
    chunks_.push_back({std::unique_ptr<uint8_t, Free>(data), size, 0});
  } catch (const std::bad_alloc&) {
    return false;
  }
  current_ = chunks_.size() - 1;
  return true;
}

// Each chunk is larger than those before it.
void Workspace::keep_largest() { chunks_.erase(chunks_.begin(), chunks_.end() - 1); }

}  // namespace baryon
