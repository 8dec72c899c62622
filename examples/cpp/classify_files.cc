// Classify the images of several files at the same time, with one network that all threads share.
//
//     c++ -std=c++17 classify_files.cc npy.cc $(pkg-config --cflags --libs baryon_runtime) -pthread
//     ./a.out model.baryon cats.npy dogs.npy
//
// Each .npy file is a batch of float32 images, of any size that the artifact takes (baryon compile
// --dynamic-batch). Prints the five best classes of each image, then the slowest kernels.
#include <baryon/runtime.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "npy.h"

namespace {

constexpr int kBest = 5;
constexpr int kSlowest = 3;

void check(bry_status status, const std::string& what) {
  if (status != BRY_OK)
    throw std::runtime_error(what + ": " + bry_status_name(status) + ": " + bry_last_error());
}

struct Close {
  void operator()(bry_executable* network) const { bry_close(network); }
};
using Network = std::unique_ptr<bry_executable, Close>;

// One thread for each run: here the runs are what happens at the same time.
Network load(const char* path) {
  bry_options options{};
  options.struct_size = sizeof options;
  options.threads = 1;
  bry_executable* network = nullptr;
  check(bry_load_file(path, &options, &network), path);
  return Network(network);
}

bry_tensor tensor_of(Array& array) {
  return {array.data.data(), bry_float32, static_cast<uint32_t>(array.shape.size()),
          array.shape.data(), nullptr};
}

// Memory for the first output of a run with this input. A dtype that is not float32 is refused by
// the run.
Array output_for(bry_executable* network, const bry_tensor& input) {
  bry_port port{};
  port.struct_size = sizeof port;
  check(bry_output(network, 0, &port), "output");
  int64_t shape[BRY_MAX_NDIM];
  check(bry_output_shape(network, &input, 1, 0, shape), "shape");
  Array output;
  output.shape.assign(shape, shape + port.ndim);
  const int64_t count = std::accumulate(shape, shape + port.ndim, int64_t{1}, std::multiplies<>());
  output.data.resize(static_cast<size_t>(count));
  return output;
}

struct Result {
  Array scores;
  std::vector<uint64_t> nanoseconds;  // of each kernel call
};

Result classify(bry_executable* network, const std::string& path) {
  Array images = read_npy(path);
  const bry_tensor input = tensor_of(images);
  Result result{output_for(network, input), std::vector<uint64_t>(bry_call_count(network))};
  const bry_tensor output = tensor_of(result.scores);
  check(bry_profile(network, &input, 1, &output, 1, result.nanoseconds.data()), path);
  return result;
}

// The numbers of the greatest values, the greatest first.
template <typename T>
std::vector<size_t> greatest(const T* values, size_t count, size_t wanted) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  wanted = std::min(wanted, count);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted), order.end(),
                    [=](size_t a, size_t b) { return values[a] > values[b]; });
  order.resize(wanted);
  return order;
}

void print_scores(const std::string& path, const Array& scores) {
  const auto classes = static_cast<size_t>(scores.shape.back());
  for (size_t i = 0; (i + 1) * classes <= scores.data.size(); ++i) {
    const float* row = scores.data.data() + i * classes;
    std::printf("%s %zu:", path.c_str(), i);
    for (const size_t k : greatest(row, classes, kBest)) std::printf(" %zu (%.6g)", k, row[k]);
    std::printf("\n");
  }
}

void print_slowest(bry_executable* network, const std::vector<uint64_t>& nanoseconds) {
  for (const size_t i : greatest(nanoseconds.data(), nanoseconds.size(), kSlowest))
    std::printf("%10.3f us  %s\n", static_cast<double>(nanoseconds[i]) / 1e3,
                bry_call_name(network, static_cast<uint32_t>(i)));
}

void classify_all(const char* model, const std::vector<std::string>& paths) {
  const Network network = load(model);
  std::vector<std::future<Result>> running;
  for (const std::string& path : paths)
    running.push_back(std::async(std::launch::async, classify, network.get(), path));
  std::vector<uint64_t> total(bry_call_count(network.get()));
  for (size_t i = 0; i < paths.size(); ++i) {
    const Result result = running[i].get();
    print_scores(paths[i], result.scores);
    for (size_t k = 0; k < total.size(); ++k) total[k] += result.nanoseconds[k];
  }
  print_slowest(network.get(), total);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return std::fprintf(stderr, "use: %s MODEL.baryon IMAGES.npy...\n", argv[0]), 2;
  classify_all(argv[1], {argv + 2, argv + argc});
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
