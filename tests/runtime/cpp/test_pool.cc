// The pool: each task runs once, whoever launches, however many do.
#include <atomic>
#include <thread>
#include <vector>

#include "check.h"
#include "pool.h"
#include "raised.h"

namespace baryon {
namespace {

struct Counts {
  std::vector<std::atomic<int>> runs;
  std::atomic<int> tasks_seen{0};

  explicit Counts(int tasks) : runs(tasks) {}
};

int count(int task, TaskEnv* env, void* closure) {
  auto& counts = *static_cast<Counts*>(closure);
  counts.runs[task].fetch_add(1);
  counts.tasks_seen = env->num_task;
  return 0;
}

void check_launch(int asked, int expected) {
  Counts counts(expected);
  CHECK(Pool::launch(count, &counts, asked) == 0);
  CHECK(counts.tasks_seen == expected);
  for (const auto& runs : counts.runs) CHECK(runs == 1);
}

void test_tasks(int threads) {
  Pool pool(threads, 20);
  check_launch(0, 1);  // no scope
  const Pool::Scope scope(pool);
  check_launch(0, threads);
  for (const int tasks : {1, 2, 3, 63, 64, 65, 1000}) check_launch(tasks, tasks);
}

int launch_inside(int task, TaskEnv*, void*) {
  check_launch(0, 1);
  check_launch(7, 7);
  return task == 3 ? (set_raised("task 3"), -5) : 0;
}

void test_nested_and_failing() {
  Pool pool(3, 20);
  const Pool::Scope scope(pool);
  for (int i = 0; i < 50; ++i) {
    CHECK(Pool::launch(launch_inside, nullptr, 9) == -5);
    CHECK(take_raised() == "task 3");
    check_launch(0, 3);
  }
}

// More launching threads than CPUs, and than slots.
void test_many_callers(int callers, int spin_us) {
  Pool pool(4, spin_us);
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller)
    threads.emplace_back([&pool, caller] {
      for (int i = 0; i < 50; ++i) {
        const Pool::Scope scope(pool);
        const int tasks = 2 + (caller + i) % 70;
        if (caller < 64) check_launch(tasks, tasks);
        std::this_thread::sleep_for(std::chrono::microseconds(i % 3 * 50));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

void test_sharing() {
  const auto one = Pool::shared(2, 10), same = Pool::shared(2, 10), other = Pool::shared(3, 10);
  CHECK(one == same && one != other);
  CHECK(Pool(0, 1).threads() == 1 && Pool(1000, 1).threads() == Pool::kMaxThreads);
}

}  // namespace
}  // namespace baryon

void test_pool() {
  for (const int threads : {1, 2, 5}) baryon::test_tasks(threads);
  baryon::test_nested_and_failing();
  baryon::test_many_callers(8, 50);
  baryon::test_many_callers(70, 1);
  baryon::test_sharing();
}
