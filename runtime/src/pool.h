// The threads that kernels share.
//
// A launch splits into tasks. Whoever comes first takes a task: the threads of the pool, and the
// thread that launched, which goes on until none is left. So a launch ends even when every thread
// of the pool is busy elsewhere, and any number of launches can be under way at the same time.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "trace.h"

namespace baryon {

// As TVM's generated code has it.
struct TaskEnv {
  void* sync_handle;
  int32_t num_task;
};
using TaskBody = int (*)(int task, TaskEnv* env, void* closure);

class Pool {
 public:
  static constexpr int kMaxThreads = 64;
  static constexpr uint32_t kDefaultSpinUs = 100;

  // The process's pool of this size, made when nobody has one.
  static std::shared_ptr<Pool> shared(int threads, uint32_t spin_us);

  // `threads` counts the one that launches. The others start with the first launch that has work
  // for them. Idle, they look for work for `spin_us` and then sleep.
  Pool(int threads, uint32_t spin_us);
  ~Pool();
  Pool(const Pool&) = delete;

  int threads() const { return threads_; }

  // Makes this thread's launches go to a pool while it lives.
  class Scope {
   public:
    // trace: where the tasks of launches are written, or null.
    explicit Scope(Pool& pool, Trace* trace = nullptr);
    ~Scope();
    Scope(const Scope&) = delete;

   private:
    friend class Pool;
    Pool* pool_;
    Trace* trace_;
    int slot_;
    Scope* outer_;
  };

  // Runs body(0 .. tasks - 1) in the pool of this thread's Scope; tasks == 0: one for each thread.
  // Outside a Scope and inside a task everything runs in this thread. Returns 0 when all tasks did,
  // otherwise what one of those that failed returned, its error raised in this thread.
  static int launch(TaskBody body, void* closure, int tasks);

 private:
  // One launch under way. Workers may look at `pending` at any time, at the rest only between
  // taking a task (a bit of `pending`) and giving it back (`unfinished`).
  struct alignas(64) Slot {
    std::atomic<uint64_t> pending{0};  // bit i: part i is still to be taken
    TaskBody body = nullptr;
    void* closure = nullptr;
    TaskEnv env{};
    int parts = 0;
    Trace* trace = nullptr;
    alignas(64) std::atomic<uint32_t> unfinished{0};
    std::atomic<uint32_t> owner_sleeps{0};
    std::mutex failure_mutex;
    int failure = 0;
    std::string message;
  };

  static constexpr int kSlots = 64;

  int launch_in(Slot& slot, TaskBody body, void* closure, int tasks, Trace* trace);
  void start();
  void work(int number);
  void run_pending(int number);
  void take_all(Slot& slot, int preferred);
  void run_part(Slot& slot, int part, int thread);
  static int run_tasks(const Slot& slot, int part, int thread);
  void wait_for_news(uint32_t seen);
  void wait_until_finished(Slot& slot);
  void announce(int tasks);

  const int threads_;
  const uint32_t spin_us_;
  const int process_;
  std::once_flag started_;
  std::vector<std::thread> workers_;
  std::atomic<uint64_t> leased_{0};  // slots that belong to a Scope
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<uint32_t> news_{0};  // changes with each launch
  std::atomic<uint32_t> sleepers_{0};
  Slot slots_[kSlots];
};

}  // namespace baryon
