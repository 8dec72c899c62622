#include "pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <system_error>

#include "float_mode.h"
#include "futex.h"
#include "raised.h"
#include "workspace.h"

namespace baryon {
namespace {

// Null outside a run and inside a task.
thread_local Pool::Scope* current_scope = nullptr;

uint64_t lowest_bits(int count) { return count >= 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1; }

int run_in_this_thread(TaskBody body, void* closure, int tasks) {
  TaskEnv env{nullptr, std::max(tasks, 1)};
  for (int task = 0; task < env.num_task; ++task)
    if (const int code = body(task, &env, closure)) return code;
  return 0;
}

// Spins until done() or for `spin_us`; returns done(). After a while it lets other threads run: the
// one that it waits for may want this CPU.
template <typename Done>
bool spin(uint32_t spin_us, Done done) {
  using Clock = std::chrono::steady_clock;
  constexpr int kPausesPerLook = 32;
  constexpr std::chrono::microseconds kGreedy{5};
  const auto start = Clock::now();
  const auto deadline = start + std::chrono::microseconds(spin_us);
  auto now = start;
  do {
    for (int i = 0; i < kPausesPerLook; ++i) {
      if (done()) return true;
      pause_cpu();
    }
    now = Clock::now();
    if (now - start > kGreedy) sched_yield();
  } while (now < deadline);
  return done();
}

// Signals are for the threads of the program.
class BlockSignals {
 public:
  BlockSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

std::shared_ptr<Pool> Pool::shared(int threads, uint32_t spin_us) {
  using Key = std::pair<int, uint32_t>;
  static auto* const mutex = new std::mutex;  // never destroyed: used until the process ends
  static auto* const pools = new std::map<Key, std::weak_ptr<Pool>>;
  const std::lock_guard<std::mutex> lock(*mutex);
  std::weak_ptr<Pool>& known = (*pools)[{threads, spin_us}];
  std::shared_ptr<Pool> pool = known.lock();
  if (pool == nullptr) known = pool = std::make_shared<Pool>(threads, spin_us);
  return pool;
}

Pool::Pool(int threads, uint32_t spin_us)
    : threads_(std::clamp(threads, 1, kMaxThreads)), spin_us_(spin_us), process_(getpid()) {}

Pool::~Pool() {
  stop_.store(true);
  announce(threads_);
  // After a fork the workers exist in the parent only.
  const bool forked = getpid() != process_;
  for (std::thread& worker : workers_) forked ? worker.detach() : worker.join();
}

Pool::Scope::Scope(Pool& pool, Trace* trace)
    : pool_(&pool),
      trace_(trace != nullptr && trace->has_tasks() ? trace : nullptr),
      slot_(-1),
      outer_(current_scope) {
  uint64_t leased = pool.leased_.load(std::memory_order_relaxed);
  while (~leased != 0 && slot_ < 0) {
    const int free = __builtin_ctzll(~leased);
    if (pool.leased_.compare_exchange_weak(leased, leased | uint64_t{1} << free)) slot_ = free;
  }
  current_scope = this;  // without a slot, launches run in this thread
}

Pool::Scope::~Scope() {
  current_scope = outer_;
  if (slot_ >= 0) pool_->leased_.fetch_and(~(uint64_t{1} << slot_));
}

int Pool::launch(TaskBody body, void* closure, int tasks) {
  Scope* scope = current_scope;
  if (scope == nullptr || scope->slot_ < 0) return run_in_this_thread(body, closure, tasks);
  Pool& pool = *scope->pool_;
  if (tasks <= 0) tasks = pool.threads_;
  current_scope = nullptr;
  const int code =
      tasks == 1 || pool.threads_ == 1
          ? run_in_this_thread(body, closure, tasks)
          : pool.launch_in(pool.slots_[scope->slot_], body, closure, tasks, scope->trace_);
  current_scope = scope;
  return code;
}

int Pool::launch_in(Slot& slot, TaskBody body, void* closure, int tasks, Trace* trace) {
  std::call_once(started_, [this] { start(); });
  slot.body = body;
  slot.closure = closure;
  slot.env = {nullptr, tasks};
  slot.parts = std::min(tasks, 64);
  slot.trace = trace;
  slot.failure = 0;
  slot.owner_sleeps.store(0, std::memory_order_relaxed);
  slot.unfinished.store(slot.parts, std::memory_order_relaxed);
  slot.pending.store(lowest_bits(slot.parts), std::memory_order_release);
  announce(tasks - 1);
  take_all(slot, 0);
  wait_until_finished(slot);
  if (slot.failure != 0) set_raised(std::move(slot.message));
  return slot.failure;
}

void Pool::start() {
  const BlockSignals block;
  try {
    for (int number = 1; number < threads_; ++number) {
      workers_.emplace_back([this, number] { work(number); });
      pthread_setname_np(workers_.back().native_handle(), "baryon");
    }
  } catch (const std::system_error&) {
    // No more threads to be had: those that launch do the work of the missing ones.
  }
}

void Pool::announce(int tasks) {
  // Either a worker that goes to sleep sees the news, or this thread sees the sleeper: both sides
  // write first and then read, in one order for all (seq_cst).
  news_.fetch_add(1);
  if (sleepers_.load() > 0) futex_wake(news_, tasks);
}

void Pool::work(int number) {
  const FloatMode mode;
  while (!stop_.load(std::memory_order_relaxed)) {
    const uint32_t seen = news_.load(std::memory_order_acquire);
    run_pending(number);
    wait_for_news(seen);
  }
}

void Pool::run_pending(int number) {
  uint64_t leased = leased_.load(std::memory_order_acquire);
  for (; leased != 0; leased &= leased - 1) take_all(slots_[__builtin_ctzll(leased)], number);
}

// A thread prefers the part of its own number: what it wrote in the last kernel is in its cache.
void Pool::take_all(Slot& slot, int preferred) {
  uint64_t pending;
  while ((pending = slot.pending.load(std::memory_order_acquire)) != 0) {
    const bool own = pending >> preferred & 1;
    const int part = own ? preferred : __builtin_ctzll(pending);
    const uint64_t bit = uint64_t{1} << part;
    if (slot.pending.fetch_and(~bit, std::memory_order_acq_rel) & bit)
      run_part(slot, part, preferred);
  }
}

// More than 64 tasks: part i has the tasks i, i + 64, ...
void Pool::run_part(Slot& slot, int part, int thread) {
  Workspace& workspace = Workspace::of_this_thread();
  const Workspace::Mark mark = workspace.mark();
  const int code = run_tasks(slot, part, thread);
  if (code != 0) {
    workspace.rewind(mark);
    const std::lock_guard<std::mutex> lock(slot.failure_mutex);
    slot.failure = code;
    slot.message = take_raised();
  }
  if (slot.unfinished.fetch_sub(1) == 1 && slot.owner_sleeps.load() != 0)
    futex_wake(slot.unfinished);
}

int Pool::run_tasks(const Slot& slot, int part, int thread) {
  TaskEnv env = slot.env;
  const uint64_t start = slot.trace != nullptr ? Trace::now() : 0;
  int code = 0;
  for (int64_t task = part; task < env.num_task && code == 0; task += slot.parts)
    code = slot.body(static_cast<int>(task), &env, slot.closure);
  if (slot.trace != nullptr) slot.trace->end_task(start, thread, part);
  return code;
}

void Pool::wait_for_news(uint32_t seen) {
  const auto news = [&] { return news_.load(std::memory_order_acquire) != seen; };
  if (spin(spin_us_, news)) return;
  sleepers_.fetch_add(1);
  if (!news()) futex_wait(news_, seen);
  sleepers_.fetch_sub(1);
}

void Pool::wait_until_finished(Slot& slot) {
  // The others are at work now, so this takes no longer than they do: unless one lost its CPU.
  constexpr uint32_t kOwnerSpinUs = 200;
  const auto finished = [&] { return slot.unfinished.load(std::memory_order_acquire) == 0; };
  if (spin(kOwnerSpinUs, finished)) return;
  slot.owner_sleeps.store(1);
  while (const uint32_t left = slot.unfinished.load()) futex_wait(slot.unfinished, left);
}

}  // namespace baryon
