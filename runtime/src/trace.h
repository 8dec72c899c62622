// When the kernels of a run and their tasks were executed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "baryon/runtime.h"

namespace baryon {

// Any thread may add events; those that find no room are only counted.
class Trace {
 public:
  enum class Detail { kCalls, kTasks };

  Trace(bry_event* events, uint32_t room, Detail detail)
      : events_(events), room_(room), detail_(detail) {}
  Trace(const Trace&) = delete;

  // Nanoseconds of the monotonic clock.
  static uint64_t now() {
    const auto time = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
  }

  bool has_tasks() const { return detail_ == Detail::kTasks; }
  uint32_t count() const { return count_.load(); }

  // The run's own thread says which call its tasks will belong to, before it launches them.
  void begin_call(uint32_t call) { call_ = call; }
  void end_call(uint64_t start) { add(start, 0, -1); }
  // A part of the current call's work, ended now. thread: 0 is the one that runs the network.
  void end_task(uint64_t start, int thread, int task) { add(start, thread, task); }

 private:
  void add(uint64_t start, int thread, int task) {
    const uint64_t end = now();
    const uint32_t place = count_.fetch_add(1, std::memory_order_relaxed);
    if (place < room_) events_[place] = {start, end, call_, thread, task, 0};
  }

  bry_event* const events_;
  const uint32_t room_;
  const Detail detail_;
  uint32_t call_ = 0;
  std::atomic<uint32_t> count_{0};
};

}  // namespace baryon
