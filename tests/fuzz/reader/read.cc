// What is fuzzed: all that the runtime does with a file before it maps code, and with the shapes of
// a run's inputs. What it accepts is judged once more, by arithmetic that cannot overflow.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "artifact.h"
#include "network.h"
#include "plan.h"
#include "variant.h"

namespace baryon {
namespace {

using format::Dim;
using format::Tensor;
using Wide = __int128;

constexpr uint64_t kLargestArena = 1 << 16;  // larger ones only take time

[[noreturn]] void disagree(const char* what) {
  fprintf(stderr, "accepted, but %s\n", what);
  abort();
}

Wide value(const Dim& dim, const Symbols& symbols) {
  return static_cast<Wide>(dim.factor) * (dim.symbol < 0 ? 1 : symbols[dim.symbol]);
}

// Bytes from the first to behind the last element.
Wide reach(const Plan& plan, const Tensor& tensor, const Symbols& symbols) {
  const Dim* shape = plan.shape(tensor);
  const Dim* strides = plan.strides(tensor);
  Wide last = 0, row = 1;
  for (uint32_t i = tensor.ndim; i-- > 0;) {
    const Wide size = value(shape[i], symbols);
    if (size == 0) return 0;
    last += (size - 1) * (strides != nullptr ? value(strides[i], symbols) : row);
    if (strides == nullptr) row *= size;
    if (last > static_cast<Wide>(UINT64_MAX)) disagree("a tensor has more than 2^64 elements");
  }
  return (last + 1) * (tensor.bits / 8);
}

Wide room(const Plan& plan, const Tensor& tensor, const Symbols& symbols, uint64_t weights) {
  if (tensor.storage == format::kArena) return plan.arena_bytes;
  if (tensor.storage == format::kWeight) return weights;
  const auto& ports = tensor.storage == format::kInput ? plan.inputs : plan.outputs;
  return reach(plan, *ports.at(tensor.index).tensor, symbols);
}

// All tensors are inside of what holds them.
void judge(const Plan& plan, const Symbols& symbols, uint64_t weights) {
  for (const Tensor& tensor : plan.tensors) {
    const Wide bytes = reach(plan, tensor, symbols);
    const Wide end = bytes + static_cast<Wide>(tensor.byte_offset);
    if (bytes != 0 && end > room(plan, tensor, symbols, weights)) disagree("a tensor sticks out");
    if (tensor.byte_offset % (tensor.bits / 8) != 0) disagree("a tensor is not aligned");
  }
}

// Arrays of the shapes that a plan has for these symbols, without memory.
class Arrays {
 public:
  Arrays(const std::vector<Port>& ports, const Symbols& symbols)
      : shapes_(ports.size() * BRY_MAX_NDIM) {
    int64_t* shape = shapes_.data();
    for (const Port& port : ports) {
      const Tensor& tensor = *port.tensor;
      const bry_dtype dtype{tensor.code, tensor.bits, tensor.lanes};
      for (uint32_t i = 0; i < tensor.ndim; ++i) shape[i] = value_of(port.dims[i], symbols);
      tensors_.push_back({nowhere(), dtype, tensor.ndim, shape, nullptr});
      shape += BRY_MAX_NDIM;
    }
  }
  Tensors get() const { return {tensors_.data(), static_cast<uint32_t>(tensors_.size())}; }

 private:
  static void* nowhere() { return reinterpret_cast<void*>(uintptr_t{64}); }

  std::vector<int64_t> shapes_;
  std::vector<bry_tensor> tensors_;
};

void bind(const Plan& plan, const Network& network, Context* context, const Symbols& wanted) {
  const Arrays inputs(plan.inputs, wanted);
  const Symbols symbols = bind_symbols(plan, inputs.get());
  if (symbols != wanted) disagree("its symbols take other values than they were given");
  const Arrays outputs(plan.outputs, symbols);
  const auto is_fixed = [](const Port& port) { return port.value != nullptr; };
  if (std::none_of(plan.inputs.begin(), plan.inputs.end(), is_fixed))  // whose elements are read
    check_memory(plan, inputs.get(), network.weights);
  check_outputs(plan, outputs.get(), symbols);
  network.check_views(symbols);
  if (context != nullptr) context->bind(inputs.get(), outputs.get(), symbols);
  judge(plan, symbols, network.weights.size());
}

void read_variant(const Artifact& artifact, uint32_t number) {
  artifact.meta(number);
  const Bytes weights = artifact.weights();
  const Plan plan(artifact.plan(number), weights.size());
  const Code code = artifact.code(number);
  const Network network(plan, code.image, weights);
  std::unique_ptr<Context> context;
  if (plan.arena_bytes <= kLargestArena) context = std::make_unique<Context>(network);
  Symbols least{}, greatest{};
  for (size_t i = 0; i < plan.symbols.size(); ++i) {
    least[i] = plan.symbols[i].min;
    greatest[i] = plan.symbols[i].max;
  }
  plan.bound_computed(&least);  // where calls count, a run begins with the bounds
  plan.bound_computed(&greatest);
  bind(plan, network, context.get(), greatest);
  bind(plan, network, context.get(), least);
}

void read(const uint8_t* data, size_t size) {
  const Artifact artifact(MappedFile::view(data, size), {});
  read_variants(artifact);
  for (uint32_t number = 0; number < artifact.variant_count(); ++number)
    read_variant(artifact, number);
}

}  // namespace
}  // namespace baryon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Exactly as large as the file, so that a step behind its end is seen; as aligned as a page is.
  void* copy = nullptr;
  if (posix_memalign(&copy, 64, size) != 0) abort();
  if (size != 0) memcpy(copy, data, size);
  try {
    baryon::read(static_cast<const uint8_t*>(copy), size);
  } catch (const baryon::Error& error) {
    if (error.message.size() < 20) abort();
  }
  free(copy);
  return 0;
}
