#include "binding.h"

#include <cstring>

#include "dtypes.h"

namespace baryon {
namespace {

using format::Dim;

constexpr const char* kInput = "input";
constexpr const char* kOutput = "output";

std::string joined(const std::string* parts, uint32_t count) {
  std::string text = "(";
  for (uint32_t i = 0; i < count; ++i) text += (i > 0 ? ", " : "") + parts[i];
  return text + (count == 1 ? ",)" : ")");
}

std::string shape_text(const bry_tensor& tensor) {
  std::string parts[BRY_MAX_NDIM];
  for (uint32_t i = 0; i < tensor.ndim; ++i) parts[i] = std::to_string(tensor.shape[i]);
  return joined(parts, tensor.ndim);
}

std::string dim_text(const Plan& plan, const Dim& dim) {
  if (dim.symbol < 0) return std::to_string(dim.factor);
  const std::string& name = plan.symbols[dim.symbol].name;
  return dim.factor == 1 ? name : std::to_string(dim.factor) + "*" + name;
}

std::string shape_text(const Plan& plan, const Port& port) {
  std::string parts[BRY_MAX_NDIM];
  for (uint32_t i = 0; i < port.tensor->ndim; ++i) parts[i] = dim_text(plan, port.dims[i]);
  return joined(parts, port.tensor->ndim);
}

// " with N in 1..8", for each symbol of the port.
std::string ranges_text(const Plan& plan, const Port& port) {
  std::string text;
  for (size_t i = 0; i < plan.symbols.size(); ++i) {
    bool used = false;
    for (uint32_t k = 0; k < port.tensor->ndim; ++k)
      used |= port.dims[k].symbol == static_cast<int32_t>(i);
    const Symbol& symbol = plan.symbols[i];
    if (used)
      text += (text.empty() ? " with " : ", ") + symbol.name + " in " + std::to_string(symbol.min) +
              ".." + std::to_string(symbol.max);
  }
  return text;
}

std::string dtype_text(uint8_t code, uint8_t bits, uint16_t lanes) {
  const ElementType* known = find_element_type(code, bits);
  const std::string text =
      known != nullptr ? known->name : format_text("dtype(code %u, %u bits)", code, bits);
  return lanes == 1 ? text : text + "x" + std::to_string(lanes);
}

[[noreturn]] void fail_shape(const Plan& plan, const char* kind, const Port& port,
                             const bry_tensor& tensor, const std::string& why) {
  fail(BRY_BAD_INPUT, "%s '%s' has shape %s, expected %s%s%s", kind, port.name.c_str(),
       shape_text(tensor).c_str(), shape_text(plan, port).c_str(), ranges_text(plan, port).c_str(),
       why.c_str());
}

void check_count(const char* kind, const std::vector<Port>& ports, Tensors tensors) {
  if (tensors.count != ports.size() || (tensors.count > 0 && tensors.data == nullptr))
    fail(BRY_INVALID_ARGUMENT, "%u %ss given, the network has %zu", tensors.count, kind,
         ports.size());
}

void check_rank(const Plan& plan, const char* kind, const Port& port, const bry_tensor& tensor) {
  if (tensor.ndim > 0 && tensor.shape == nullptr)
    fail(BRY_INVALID_ARGUMENT, "%s '%s' has no shape", kind, port.name.c_str());
  if (tensor.ndim > BRY_MAX_NDIM)
    fail(BRY_BAD_INPUT, "%s '%s' has %u dimensions, expected %u", kind, port.name.c_str(),
         tensor.ndim, port.tensor->ndim);
  if (tensor.ndim != port.tensor->ndim) fail_shape(plan, kind, port, tensor, "");
}

bool is_contiguous(const bry_tensor& tensor) {
  if (tensor.strides == nullptr) return true;
  int64_t row = 1;
  for (uint32_t i = tensor.ndim; i-- > 0;) {
    if (tensor.shape[i] == 0) return true;
    if (tensor.shape[i] != 1 && tensor.strides[i] != row) return false;
    row *= tensor.shape[i];
  }
  return true;
}

bool is_empty(const bry_tensor& tensor) {
  for (uint32_t i = 0; i < tensor.ndim; ++i)
    if (tensor.shape[i] == 0) return true;
  return false;
}

// The shape is right already.
void check_tensor_memory(const char* kind, const Port& port, const bry_tensor& tensor) {
  const format::Tensor& expected = *port.tensor;
  const bry_dtype dtype = tensor.dtype;
  if (dtype.code != expected.code || dtype.bits != expected.bits || dtype.lanes != expected.lanes)
    fail(BRY_BAD_INPUT, "%s '%s' has dtype %s, expected %s", kind, port.name.c_str(),
         dtype_text(dtype.code, dtype.bits, dtype.lanes).c_str(),
         dtype_text(expected.code, expected.bits, expected.lanes).c_str());
  if (!is_contiguous(tensor))
    fail(BRY_BAD_INPUT, "%s '%s' is not row-major without gaps: copy it first", kind,
         port.name.c_str());
  const auto address = reinterpret_cast<uintptr_t>(tensor.data);
  if ((tensor.data == nullptr && !is_empty(tensor)) || address % item_bytes(expected.bits) != 0)
    fail(BRY_BAD_INPUT, "%s '%s': the memory at %p is null or not aligned to an element", kind,
         port.name.c_str(), tensor.data);
}

// Shape and dtype are right already.
void check_value(const Port& port, const bry_tensor& tensor, const Bytes& weights) {
  const format::Tensor& value = *port.value;
  const uint64_t bytes = value.byte_extent;
  if (bytes > 0 && std::memcmp(tensor.data, weights.data() + value.byte_offset, bytes) != 0)
    fail(
        BRY_BAD_INPUT,
        "input '%s' is not what the network was compiled for: it decides shapes, and has to be the "
        "same in every run",
        port.name.c_str());
}

class Binder {
 public:
  explicit Binder(const Plan& plan) : plan_(plan) {}

  void bind(const Port& port, const bry_tensor& tensor) {
    check_rank(plan_, kInput, port, tensor);
    for (uint32_t i = 0; i < tensor.ndim; ++i) bind(port, tensor, port.dims[i], tensor.shape[i]);
  }
  const Symbols& values() const { return values_; }

 private:
  void bind(const Port& port, const bry_tensor& tensor, const Dim& dim, int64_t size) {
    if (dim.symbol < 0) {
      if (size != dim.factor) fail_shape(plan_, kInput, port, tensor, "");
      return;
    }
    const Symbol& symbol = plan_.symbols[dim.symbol];
    int64_t& value = values_[dim.symbol];
    const int64_t wanted = size / dim.factor;
    if (size % dim.factor != 0 || wanted < symbol.min || wanted > symbol.max)
      fail_shape(plan_, kInput, port, tensor, "");
    if (from_[dim.symbol] != nullptr && value != wanted)
      fail_shape(plan_, kInput, port, tensor,
                 format_text("; %s is %lld in '%s'", symbol.name.c_str(),
                             static_cast<long long>(value), from_[dim.symbol]->name.c_str()));
    value = wanted;
    from_[dim.symbol] = &port;
  }

  const Plan& plan_;
  Symbols values_{};
  std::array<const Port*, format::kMaxSymbols> from_{};  // null: not bound yet
};

}  // namespace

Symbols bind_symbols(const Plan& plan, Tensors inputs) {
  check_count(kInput, plan.inputs, inputs);
  Binder binder(plan);
  for (uint32_t i = 0; i < inputs.count; ++i) binder.bind(plan.inputs[i], inputs.data[i]);
  Symbols values = binder.values();
  plan.bound_computed(&values);
  return values;
}

void check_memory(const Plan& plan, Tensors inputs, const Bytes& weights) {
  for (uint32_t i = 0; i < inputs.count; ++i) {
    check_tensor_memory(kInput, plan.inputs[i], inputs.data[i]);
    if (plan.inputs[i].value != nullptr) check_value(plan.inputs[i], inputs.data[i], weights);
  }
}

void check_outputs(const Plan& plan, Tensors outputs, const Symbols& symbols) {
  check_count(kOutput, plan.outputs, outputs);
  for (uint32_t i = 0; i < outputs.count; ++i) {
    const Port& port = plan.outputs[i];
    const bry_tensor& tensor = outputs.data[i];
    check_rank(plan, kOutput, port, tensor);
    for (uint32_t k = 0; k < tensor.ndim; ++k)
      if (tensor.shape[k] != value_of(port.dims[k], symbols))
        fail_shape(plan, kOutput, port, tensor, " for these inputs");
    check_tensor_memory(kOutput, port, tensor);
  }
}

}  // namespace baryon
