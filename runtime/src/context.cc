#include <cstring>

#include "network.h"
#include "raised.h"

namespace baryon {

Context::Context(const Network& network)
    : network_(network),
      arena_(Mapping::anonymous(network.plan.arena_bytes)),
      numbers_(network.numbers) {
  tensors_.reserve(network.plan.tensors.size());
  for (uint32_t i = 0; i < network.plan.tensors.size(); ++i) tensors_.push_back(tensor(i));
  args_.reserve(network.plan.args.size());
  for (const uint32_t number : network.plan.args) {
    KernelValue arg{};
    arg.type_index = kTensorPointer;
    arg.pointer = &tensors_[number];
    args_.push_back(arg);
  }
}

// Inputs and outputs have no memory yet.
KernelTensor Context::tensor(uint32_t number) {
  const format::Tensor& record = network_.plan.tensors[number];
  uint8_t* base = nullptr;
  if (record.storage == format::kArena) base = arena_.data();
  if (record.storage == format::kWeight) base = const_cast<uint8_t*>(network_.weights.data());
  KernelTensor tensor{};
  tensor.data = base != nullptr ? base + record.byte_offset : nullptr;
  tensor.device_type = kDeviceCpu;
  tensor.ndim = static_cast<int32_t>(record.ndim);
  tensor.dtype = {record.code, record.bits, record.lanes};
  tensor.shape = numbers_.data() + network_.positions[number];
  if (record.first_stride != format::kContiguous) tensor.strides = tensor.shape + record.ndim;
  return tensor;
}

void Context::bind(Tensors inputs, Tensors outputs, const Symbols& symbols, bool resumes) {
  for (const Network::View& view : network_.views) {
    const bry_tensor& port = (view.of_output ? outputs : inputs).data[view.port];
    auto* data = static_cast<uint8_t*>(port.data);
    const uint64_t offset = network_.plan.tensors[view.tensor].byte_offset;
    tensors_[view.tensor].data = data != nullptr ? data + offset : nullptr;
  }
  const bool same = symbols == bound_;
  if (same && (resumes || !network_.plan.has_computed)) return;
  if (!same) network_.check_views(symbols);
  bound_ = symbols;
  set_numbers(symbols);
}

void Context::set_numbers(const Symbols& symbols) {
  for (const Network::Variable& variable : network_.variables)
    numbers_[variable.position] = value_of(variable.dim, symbols);
  symbols_ = symbols;
}

const KernelTensor& Context::argument(size_t call, size_t number) const {
  if (call >= network_.calls.size())
    fail(BRY_INVALID_ARGUMENT, "call %zu, there are %zu", call, network_.calls.size());
  const Network::Call& record = network_.calls[call];
  const auto count = static_cast<size_t>(record.arg_count);
  if (number >= count) fail(BRY_INVALID_ARGUMENT, "argument %zu, there are %zu", number, count);
  return tensors_[network_.plan.args[record.first_arg + number]];
}

void Context::run(size_t first, size_t count, Trace* trace) {
  if (trace == nullptr) {
    for (size_t i = first; i < first + count; ++i) run_call(i);
    return;
  }
  for (size_t i = first; i < first + count; ++i) {
    trace->begin_call(static_cast<uint32_t>(i));
    const uint64_t start = Trace::now();
    run_call(i);
    trace->end_call(start);
  }
}

void Context::run_call(size_t number) {
  const Network::Call& call = network_.calls[number];
  KernelValue result{};
  const int32_t code = call.kernel(nullptr, args_.data() + call.first_arg, call.arg_count, &result);
  if (code != 0) fail(BRY_KERNEL_FAILED, "kernel %s: %s", call.name, take_raised().c_str());
  if (call.defines) read_counts(number);
}

// The symbols that the call has counted: memory was planned for their bounds, so no view changes.
void Context::read_counts(size_t call) {
  const Plan& plan = network_.plan;
  Symbols symbols = symbols_;
  for (size_t i = 0; i < plan.symbols.size(); ++i) {
    const Symbol& symbol = plan.symbols[i];
    if (symbol.call != call) continue;
    int64_t count = 0;
    memcpy(&count, tensors_[symbol.tensor].data, sizeof count);
    const int64_t most = value_of(symbol.most, symbols);
    if (count < 0 || count > most)
      fail(BRY_KERNEL_FAILED, "kernel %s: %s is %lld, at most %lld is possible",
           network_.calls[call].name, symbol.name.c_str(), static_cast<long long>(count),
           static_cast<long long>(most));
    symbols[i] = count;
  }
  set_numbers(symbols);
}

}  // namespace baryon
