#include "plan_check.h"

#include <algorithm>

#include "dtypes.h"

namespace baryon {
namespace {

using format::Dim;
using format::Tensor;

unsigned long long number(uint64_t value) { return value; }

Symbols maxima(const Plan& plan) {
  Symbols values{};
  for (size_t i = 0; i < plan.symbols.size(); ++i) values[i] = plan.symbols[i].max;
  return values;
}

// Elements from the first to behind the last; false on overflow.
bool span(const Tensor& tensor, const Dim* shape, const Dim* strides, const Symbols& symbols,
          uint64_t* elements) {
  uint64_t row = 1;  // step of the current dimension in a tensor without gaps
  uint64_t last = 0;
  bool empty = false;
  for (uint32_t i = tensor.ndim; i-- > 0;) {
    const uint64_t size = value_of(shape[i], symbols);
    const uint64_t step = strides != nullptr ? value_of(strides[i], symbols) : row;
    uint64_t reach = 0;
    empty |= size == 0;
    if (size == 0) continue;
    if (multiply_overflows(size - 1, step, &reach) || add_overflows(last, reach, &last))
      return false;
    if (strides == nullptr && multiply_overflows(row, size, &row)) return false;
  }
  *elements = empty ? 0 : last + 1;
  return empty || last != UINT64_MAX;
}

bool has_supported_dtype(const Tensor& tensor) {
  return tensor.lanes == 1 && find_element_type(tensor.code, tensor.bits) != nullptr;
}

// Whether the value of a port is a constant of its type.
bool is_value_of(const Plan& plan, const Port& port) {
  const Tensor &value = *port.value, &own = *port.tensor;
  const Dim* shape = plan.shape(value);
  const auto is_same = [](const Dim& a, const Dim& b) {
    return a.factor == b.factor && a.symbol < 0 && b.symbol < 0;
  };
  return value.storage == format::kWeight && value.first_stride == format::kContiguous &&
         value.code == own.code && value.bits == own.bits && value.lanes == own.lanes &&
         value.byte_extent == own.byte_extent &&
         std::equal(shape, shape + value.ndim, port.dims, port.dims + own.ndim, is_same);
}

uint64_t storage_bytes(const Plan& plan, const Tensor& tensor, uint64_t weights_bytes) {
  const auto port_bytes = [&](const std::vector<Port>& ports) {
    if (tensor.index >= ports.size())
      fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor belongs to input or output %u of %zu",
           tensor.index, ports.size());
    return ports[tensor.index].tensor->byte_extent;
  };
  switch (tensor.storage) {
    case format::kInput:
      return port_bytes(plan.inputs);
    case format::kOutput:
      return port_bytes(plan.outputs);
    case format::kArena:
      return plan.arena_bytes;
    case format::kWeight:
      return weights_bytes;
    default:
      fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor has storage %u", tensor.storage);
  }
}

}  // namespace

uint64_t Plan::extent(const Tensor& tensor, const Symbols& values) const {
  uint64_t elements = 0, bytes = 0;
  if (!span(tensor, shape(tensor), strides(tensor), values, &elements) ||
      multiply_overflows(elements, item_bytes(tensor.bits), &bytes))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor is larger than 2^64 bytes");
  return bytes;
}

void check_symbol(const std::vector<Symbol>& symbols) {
  const Symbol& symbol = symbols.back();
  if (symbol.min < 0 || symbol.min > symbol.max || symbol.max > format::kMaxSymbol)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: symbol %s goes from %lld to %lld",
         symbol.name.c_str(), static_cast<long long>(symbol.min),
         static_cast<long long>(symbol.max));
  const Dim& most = symbol.most;
  bool right = most.reserved == 0;
  if (symbol.is_computed()) {
    const auto before = static_cast<int64_t>(symbols.size()) - 1;
    int64_t largest = 0;
    right &= most.symbol >= format::kLiteral && most.symbol < before && symbol.min == 0;
    const int64_t max = right && most.symbol >= 0 ? symbols[most.symbol].max : 1;
    right &= most.factor >= (most.symbol < 0 ? 0 : 1) &&
             !__builtin_mul_overflow(most.factor, max, &largest) && largest == symbol.max;
  } else {
    right &= most.factor == 0 && most.symbol == format::kLiteral && symbol.tensor == 0;
  }
  if (!right)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: symbol %s has a bad bound", symbol.name.c_str());
}

void check_dim(const Plan& plan, const Dim& dim) {
  const int64_t count = static_cast<int64_t>(plan.symbols.size());
  if (dim.symbol < format::kLiteral || dim.symbol >= count || dim.reserved != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a dimension has symbol %d", dim.symbol);
  int64_t largest = 0;
  const int64_t max = dim.symbol < 0 ? 1 : plan.symbols[dim.symbol].max;
  if (dim.factor < (dim.symbol < 0 ? 0 : 1) || __builtin_mul_overflow(dim.factor, max, &largest))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a dimension has factor %lld",
         static_cast<long long>(dim.factor));
}

void check_port(const Plan& plan, const std::vector<Port>& ports, format::Storage storage) {
  const Port& port = ports.back();
  const Tensor& tensor = *port.tensor;
  const char* kind = storage == format::kInput ? "input" : "output";
  const auto same_name = [&](const Port& other) { return other.name == port.name; };
  if (port.name.empty() || std::any_of(ports.begin(), ports.end() - 1, same_name))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: two %ss have the name '%s', or it is empty", kind,
         port.name.c_str());
  const bool whole = tensor.storage == storage && tensor.index == ports.size() - 1 &&
                     tensor.byte_offset == 0 && tensor.first_stride == format::kContiguous;
  if (!whole || !has_supported_dtype(tensor) ||
      plan.extent(tensor, maxima(plan)) != tensor.byte_extent)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: the tensor of %s '%s' is not the whole %s", kind,
         port.name.c_str(), kind);
  if (port.value != nullptr && (storage != format::kInput || !is_value_of(plan, port)))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %s '%s' cannot have a fixed value", kind,
         port.name.c_str());
}

void check_tensor(const Plan& plan, const Tensor& tensor, uint64_t weights_bytes) {
  if (!has_supported_dtype(tensor) || tensor.reserved != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor has dtype code %u, %u bits, %u lanes",
         tensor.code, tensor.bits, tensor.lanes);
  if ((tensor.storage == format::kArena || tensor.storage == format::kWeight) && tensor.index != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor has index %u", tensor.index);
  const uint64_t extent = plan.extent(tensor, maxima(plan));
  const uint64_t bytes = storage_bytes(plan, tensor, weights_bytes);
  if (extent > tensor.byte_extent || tensor.byte_offset % item_bytes(tensor.bits) != 0 ||
      !fits(tensor.byte_offset, tensor.byte_extent, bytes))
    fail(BRY_BAD_ARTIFACT,
         "damaged artifact: a tensor of %llu bytes at %llu (room for %llu) is outside its storage "
         "of %llu bytes",
         number(extent), number(tensor.byte_offset), number(tensor.byte_extent), number(bytes));
}

void check_call(const Plan& plan, const format::Call& call) {
  plan.kernels.range(call.kernel, 1);
  plan.args.range(call.first_arg, call.arg_count);
  if (call.arg_count == 0 || call.arg_count > format::kMaxArgs || call.reserved != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a call has %u arguments", call.arg_count);
}

void check_symbols_are_bound(const Plan& plan) {
  std::array<bool, format::kMaxSymbols> bound{};
  for (const Port& port : plan.inputs)
    for (uint32_t i = 0; i < port.tensor->ndim; ++i)
      if (port.dims[i].symbol >= 0) bound[port.dims[i].symbol] = true;
  for (size_t i = 0; i < plan.symbols.size(); ++i) {
    const Symbol& symbol = plan.symbols[i];
    if (!bound[i] && !symbol.is_computed())
      fail(BRY_BAD_ARTIFACT, "damaged artifact: no input has a dimension %s", symbol.name.c_str());
    if (bound[i] && symbol.is_computed())
      fail(BRY_BAD_ARTIFACT, "damaged artifact: a call and an input define %s",
           symbol.name.c_str());
  }
}

namespace {

// Whether a symbol has its value before call number `call`.
bool is_known(const Symbol& symbol, uint64_t call) {
  return !symbol.is_computed() || symbol.call < call;
}

void check_used(const Plan& plan, const Dim* dims, uint32_t count, uint64_t call) {
  for (uint32_t i = 0; dims != nullptr && i < count; ++i)
    if (dims[i].symbol >= 0 && !is_known(plan.symbols[dims[i].symbol], call))
      fail(BRY_BAD_ARTIFACT, "damaged artifact: call %llu uses %s before it is defined",
           number(call), plan.symbols[dims[i].symbol].name.c_str());
}

bool is_count(const Plan& plan, const Tensor& tensor) {
  const bool one = tensor.ndim == 0 || (tensor.ndim == 1 && plan.shape(tensor)->symbol < 0 &&
                                        plan.shape(tensor)->factor == 1);
  const bool written = tensor.storage == format::kArena || tensor.storage == format::kOutput;
  return one && written && tensor.code == 0 && tensor.bits == 64 &&
         tensor.first_stride == format::kContiguous;
}

void check_computed(const Plan& plan, const Symbol& symbol) {
  const char* const name = symbol.name.c_str();
  if (symbol.call >= plan.calls.size())
    fail(BRY_BAD_ARTIFACT, "damaged artifact: %s is defined by call %u of %llu", name, symbol.call,
         number(plan.calls.size()));
  if (symbol.most.symbol >= 0 && !is_known(plan.symbols[symbol.most.symbol], symbol.call))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: the bound of %s is not known before it", name);
  const format::Call& call = plan.calls[symbol.call];
  const uint32_t* const args = plan.args.range(call.first_arg, call.arg_count);
  const bool is_argument =
      std::find(args, args + call.arg_count, symbol.tensor) != args + call.arg_count;
  if (!is_argument || !is_count(plan, plan.tensors[symbol.tensor]))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: tensor %u is no count of %s", symbol.tensor, name);
}

}  // namespace

void check_computed_symbols(const Plan& plan) {
  if (!plan.has_computed) return;
  for (const Symbol& symbol : plan.symbols)
    if (symbol.is_computed()) check_computed(plan, symbol);
  for (uint64_t i = 0; i < plan.calls.size(); ++i) {
    const format::Call& call = plan.calls[i];
    const uint32_t* const args = plan.args.range(call.first_arg, call.arg_count);
    for (uint32_t k = 0; k < call.arg_count; ++k) {
      const Tensor& tensor = plan.tensors[args[k]];
      check_used(plan, plan.shape(tensor), tensor.ndim, i);
      check_used(plan, plan.strides(tensor), tensor.ndim, i);
    }
  }
}

}  // namespace baryon
