// Through the C interface: sound artifacts from several threads, damaged ones, wrong use, timing.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "baryon/runtime.h"
#include "check.h"

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  CHECK(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

bry_executable* load(const std::string& path, uint32_t threads) {
  bry_options options{};
  options.struct_size = sizeof options;
  options.threads = threads;
  bry_executable* executable = nullptr;
  if (bry_load_file(path.c_str(), &options, &executable) != BRY_OK) puts(bry_last_error());
  CHECK(executable != nullptr);
  return executable;
}

// y = exp(x * factors) + 3.5
bool run_affine(bry_executable* executable, int64_t rows, float start) {
  const float factors[4] = {1, 2, 3, -1};
  const int64_t shape[2] = {rows, 4};
  float x[32], y[32];
  for (int64_t i = 0; i < rows * 4; ++i) x[i] = start + 0.01f * static_cast<float>(i);
  const bry_tensor input{x, bry_float32, 2, shape, nullptr};
  const bry_tensor output{y, bry_float32, 2, shape, nullptr};
  if (bry_run(executable, &input, 1, &output, 1) != BRY_OK) return puts(bry_last_error()), false;
  for (int64_t i = 0; i < rows * 4; ++i) {
    const float expected = std::exp(x[i] * factors[i % 4]) + 3.5f;
    if (std::abs(y[i] - expected) > 1e-5f * expected) return false;
  }
  return true;
}

void test_eight_threads(const std::string& folder) {
  for (const uint32_t pool : {1u, 2u, 4u}) {
    bry_executable* executable = load(folder + "/affine.baryon", pool);
    std::vector<std::thread> threads;
    for (int number = 0; number < 8; ++number)
      threads.emplace_back([=] {
        for (int i = 0; i < 100; ++i)
          CHECK(run_affine(executable, 1 + (number + i) % 8, 0.01f * static_cast<float>(number)));
      });
    for (std::thread& thread : threads) thread.join();
    bry_close(executable);
  }
}

void test_nested(const std::string& folder) {
  bry_executable* executable = load(folder + "/nested.baryon", 4);
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number)
    threads.emplace_back([=] {
      const int64_t shape[1] = {100};
      float y[100];
      const bry_tensor output{y, bry_float32, 1, shape, nullptr};
      for (int i = 0; i < 10; ++i) {
        CHECK(bry_run(executable, nullptr, 0, &output, 1) == BRY_OK);
        for (int k = 0; k < 100; ++k) CHECK(y[k] == static_cast<float>(2 * k + 5));
      }
    });
  for (std::thread& thread : threads) thread.join();
  bry_close(executable);
}

void test_failing_kernel(const std::string& folder) {
  bry_executable* executable = load(folder + "/refuse.baryon", 2);
  const int64_t shape[1] = {100};
  float y[100];
  const bry_tensor output{y, bry_float32, 1, shape, nullptr};
  for (int i = 0; i < 20; ++i) {
    CHECK(bry_run(executable, nullptr, 0, &output, 1) == BRY_KERNEL_FAILED);
    CHECK(strstr(bry_last_error(), "refuse: one task") != nullptr);
  }
  bry_close(executable);
}

void look_inside(const bry_executable* executable) {
  bry_port port;
  port.struct_size = sizeof port;
  for (uint32_t i = 0; i < bry_input_count(executable); ++i)
    CHECK(bry_input(executable, i, &port) == BRY_OK && port.name != nullptr);
  for (uint32_t i = 0; i < bry_output_count(executable); ++i)
    CHECK(bry_output(executable, i, &port) == BRY_OK);
  for (uint32_t i = 0; i < bry_call_count(executable); ++i)
    CHECK(bry_call_name(executable, i) != nullptr);
}

void test_damaged(const std::string& folder) {
  const std::string corpus = read_file(folder + "/damaged.bin");
  int refused = 0, number = 0;
  for (size_t at = 0; at + 8 <= corpus.size(); ++number) {
    uint32_t head[2];  // must be refused, size
    memcpy(head, corpus.data() + at, sizeof head);
    const std::string file = corpus.substr(at + 8, head[1]);
    at += 8 + head[1];
    bry_executable* executable = nullptr;
    const bry_status status = bry_load_memory(file.data(), file.size(), nullptr, &executable);
    if (head[0] != 0 && status == BRY_OK)
      fprintf(stderr, "damaged artifact %d was taken\n", number);
    CHECK(head[0] == 0 || status != BRY_OK);
    CHECK((status == BRY_OK) == (executable != nullptr));
    CHECK(status == BRY_OK || strlen(bry_last_error()) > 20);
    if (executable != nullptr) look_inside(executable);
    bry_close(executable);
    refused += status != BRY_OK;
  }
  CHECK(refused > 800 && refused < number);
  printf("%d damaged artifacts, %d refused\n", number, refused);
}

void test_wrong_load() {
  bry_executable* executable = nullptr;
  CHECK(bry_load_file(nullptr, nullptr, &executable) == BRY_INVALID_ARGUMENT);
  CHECK(bry_load_file("/none", nullptr, nullptr) == BRY_INVALID_ARGUMENT);
  CHECK(bry_load_file("/none", nullptr, &executable) == BRY_IO && executable == nullptr);
  CHECK(bry_load_memory(nullptr, 5, nullptr, &executable) == BRY_INVALID_ARGUMENT);
  bry_options options{};
  CHECK(bry_load_memory("x", 1, &options, &executable) == BRY_INVALID_ARGUMENT);
  options = {sizeof options, 1025, 0, 0};
  CHECK(bry_load_memory("x", 1, &options, &executable) == BRY_INVALID_ARGUMENT);
  bry_close(nullptr);
}

void test_ports(const bry_executable* executable) {
  struct {
    uint32_t struct_size = 12, ndim = 0;
    uint32_t half_of_name = 0, guard = 77;
  } old;  // an older, shorter struct: no more than that is written
  CHECK(bry_input(executable, 0, reinterpret_cast<bry_port*>(&old)) == BRY_OK);
  CHECK(old.ndim == 2 && old.guard == 77 && old.struct_size == 12);
  bry_port port{};
  CHECK(bry_input(executable, 0, &port) == BRY_INVALID_ARGUMENT);
  port.struct_size = sizeof port;
  CHECK(bry_input(executable, 1, &port) == BRY_INVALID_ARGUMENT);
  CHECK(bry_input(nullptr, 0, &port) == BRY_INVALID_ARGUMENT);
  CHECK(bry_input_count(nullptr) == 0 && bry_call_name(executable, 99) == nullptr);
}

void test_wrong_tensors(bry_executable* executable) {
  float data[64] = {};
  const int64_t shape[2] = {2, 4}, strides[2] = {4, 1}, gaps[2] = {8, 1}, other[2] = {3, 4};
  const bry_tensor good{data, bry_float32, 2, shape, strides};
  const bry_tensor out{data + 32, bry_float32, 2, shape, nullptr};
  const auto run = [&](const bry_tensor& in, const bry_tensor& to) {
    return bry_run(executable, &in, 1, &to, 1);
  };
  CHECK(run(good, out) == BRY_OK);
  CHECK(bry_run(executable, &good, 1, nullptr, 0) == BRY_INVALID_ARGUMENT);
  CHECK(bry_run(executable, nullptr, 1, &out, 1) == BRY_INVALID_ARGUMENT);
  CHECK(run({data, bry_float32, 2, nullptr, nullptr}, out) == BRY_INVALID_ARGUMENT);
  CHECK(run({data, bry_float32, 2, shape, gaps}, out) == BRY_BAD_INPUT);
  CHECK(run({data, bry_int32, 2, shape, nullptr}, out) == BRY_BAD_INPUT);
  CHECK(strstr(bry_last_error(), "input 'data' has dtype int32, expected float32") != nullptr);
  CHECK(run({nullptr, bry_float32, 2, shape, nullptr}, out) == BRY_BAD_INPUT);
  CHECK(run({reinterpret_cast<char*>(data) + 1, bry_float32, 2, shape, nullptr}, out) ==
        BRY_BAD_INPUT);
  CHECK(run({data, bry_float32, 1000, shape, nullptr}, out) == BRY_BAD_INPUT);
  CHECK(run(good, {data + 32, bry_float32, 2, other, nullptr}) == BRY_BAD_INPUT);
  CHECK(strstr(bry_last_error(), "output 'y' has shape (3, 4)") != nullptr);
  int64_t result[BRY_MAX_NDIM];
  CHECK(bry_output_shape(executable, &good, 1, 0, result) == BRY_OK && result[0] == 2);
  CHECK(bry_output_shape(executable, &good, 1, 1, result) == BRY_INVALID_ARGUMENT);
}

void test_wrong_use(const std::string& folder) {
  test_wrong_load();
  bry_executable* executable = load(folder + "/affine.baryon", 1);
  test_ports(executable);
  test_wrong_tensors(executable);
  CHECK(bry_verify(executable) == BRY_OK);
  bry_close(executable);
}

// The least of some rounds, in nanoseconds for one of `calls` calls.
double nanoseconds(bry_executable* executable, int calls) {
  const int64_t shape[1] = {1};
  float y[1];
  const bry_tensor output{y, bry_float32, 1, shape, nullptr};
  double least = 1e18;
  for (int i = 0; i < 2000; ++i) {
    const auto start = std::chrono::steady_clock::now();
    bry_run(executable, nullptr, 0, &output, 1);
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    least = std::min(least, took.count() / calls);
  }
  return least;
}

}  // namespace

void test_artifacts(const std::string& folder) {
  test_wrong_use(folder);
  test_eight_threads(folder);
  test_nested(folder);
  test_failing_kernel(folder);
  test_damaged(folder);
}

void bench(const std::string& folder) {
  for (const uint32_t threads : {1u, 2u}) {
    bry_executable* empty = load(folder + "/empty.baryon", threads);
    bry_executable* launch = load(folder + "/launch.baryon", threads);
    printf("%u threads: %.0f ns for a call, %.0f ns for one with a launch\n", threads,
           nanoseconds(empty, 100), nanoseconds(launch, 100));
    bry_close(empty);
    bry_close(launch);
  }
}
