#include "plan_check.h"

#include <algorithm>

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
  const int bits = tensor.bits;
  const bool whole = bits == 8 || bits == 16 || bits == 32 || bits == 64;
  if (tensor.lanes != 1) return false;
  switch (tensor.code) {
    case 0:
    case 1:
      return whole;
    case 2:
      return whole && bits != 8;
    case 4:
      return bits == 16;
    case 6:
      return bits == 8;
    default:
      return false;
  }
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
      multiply_overflows(elements, tensor.bits / 8, &bytes))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor is larger than 2^64 bytes");
  return bytes;
}

void check_symbol(const Symbol& symbol) {
  if (symbol.min < 1 || symbol.min > symbol.max || symbol.max > format::kMaxSymbol)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: symbol %s goes from %lld to %lld",
         symbol.name.c_str(), static_cast<long long>(symbol.min),
         static_cast<long long>(symbol.max));
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

void check_port(const Plan& plan, const format::Port& record, const std::vector<Port>& ports,
                format::Storage storage) {
  const Port& port = ports.back();
  const Tensor& tensor = *port.tensor;
  const char* kind = storage == format::kInput ? "input" : "output";
  const auto same_name = [&](const Port& other) { return other.name == port.name; };
  if (port.name.empty() || std::any_of(ports.begin(), ports.end() - 1, same_name))
    fail(BRY_BAD_ARTIFACT, "damaged artifact: two %ss have the name '%s', or it is empty", kind,
         port.name.c_str());
  const bool whole = tensor.storage == storage && tensor.index == ports.size() - 1 &&
                     tensor.byte_offset == 0 && tensor.first_stride == format::kContiguous;
  if (!whole || record.reserved != 0 || !has_supported_dtype(tensor) ||
      plan.extent(tensor, maxima(plan)) != tensor.byte_extent)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: the tensor of %s '%s' is not the whole %s", kind,
         port.name.c_str(), kind);
}

void check_tensor(const Plan& plan, const Tensor& tensor, uint64_t weights_bytes) {
  if (!has_supported_dtype(tensor) || tensor.reserved != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor has dtype code %u, %u bits, %u lanes",
         tensor.code, tensor.bits, tensor.lanes);
  if ((tensor.storage == format::kArena || tensor.storage == format::kWeight) && tensor.index != 0)
    fail(BRY_BAD_ARTIFACT, "damaged artifact: a tensor has index %u", tensor.index);
  const uint64_t extent = plan.extent(tensor, maxima(plan));
  const uint64_t bytes = storage_bytes(plan, tensor, weights_bytes);
  if (extent > tensor.byte_extent || tensor.byte_offset % (tensor.bits / 8) != 0 ||
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
  for (size_t i = 0; i < plan.symbols.size(); ++i)
    if (!bound[i])
      fail(BRY_BAD_ARTIFACT, "damaged artifact: no input has a dimension %s",
           plan.symbols[i].name.c_str());
}

}  // namespace baryon
