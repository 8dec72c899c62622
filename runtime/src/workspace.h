// Memory that kernels take for a moment.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace baryon {

// A stack of bytes; each thread has one, which keeps its memory until the thread ends.
class Workspace {
 public:
  // How full a stack is.
  struct Mark {
    size_t chunk;
    uint64_t used;
  };

  static Workspace& of_this_thread();

  // Aligned to 64 bytes. Null if there is no memory.
  void* allocate(uint64_t bytes);
  // Gives back the last allocation; false if `pointer` is not one.
  bool release(void* pointer);

  Mark mark() const { return {current_, chunks_.empty() ? 0 : chunks_[current_].used}; }
  // Gives back everything since the mark.
  void rewind(Mark mark);
  // Makes room for `bytes` if nothing is in use.
  void reserve(uint64_t bytes);

 private:
  struct Free {
    void operator()(uint8_t* data) const;
  };
  struct Chunk {
    std::unique_ptr<uint8_t, Free> data;
    uint64_t bytes;
    uint64_t used;
  };

  bool add_chunk(uint64_t bytes);
  void keep_largest();

  std::vector<Chunk> chunks_;  // those after the current one are empty
  size_t current_ = 0;
};

}  // namespace baryon
